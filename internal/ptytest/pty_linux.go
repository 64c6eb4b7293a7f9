// Package ptytest provides pseudo-terminals for tests, and emulates their screen.
package ptytest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

// Terminal is a pseudo-terminal.
type Terminal struct {
	*os.File // the program's end
	Screen   *Screen

	t      testing.TB
	master *os.File
	ended  chan struct{} // closed when nothing more can be read
	err    error         // the reason

	mu  sync.Mutex
	raw []byte
}

// Open opens a terminal with a size. The test is skipped on machines without
// pseudo-terminals.
func Open(t testing.TB, width, height int) *Terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { master.Close() })
	var number, locked int32
	for request, value := range map[uintptr]*int32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		ioctl(t, master, request, unsafe.Pointer(value))
	}
	terminal, err := os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	p := &Terminal{File: terminal, Screen: NewScreen(width, height), t: t, master: master, ended: make(chan struct{})}
	p.Resize(width, height)
	go p.read()
	return p
}

// Resize changes the size of the terminal.
func (p *Terminal) Resize(width, height int) {
	p.t.Helper()
	size := [4]uint16{uint16(height), uint16(width)}
	ioctl(p.t, p.master, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	p.Screen.Resize(width, height)
}

func (p *Terminal) read() {
	defer close(p.ended)
	buffer := make([]byte, 64<<10)
	for {
		n, err := p.master.Read(buffer)
		_, _ = p.Screen.Write(buffer[:n])
		p.mu.Lock()
		p.raw = append(p.raw, buffer[:n]...)
		p.mu.Unlock()
		if err != nil {
			p.err = err
			return
		}
	}
}

// End closes the program's end, and returns the whole output after it was read.
func (p *Terminal) End() string {
	p.t.Helper()
	p.Close()
	<-p.ended
	if !errors.Is(p.err, syscall.EIO) && !errors.Is(p.err, io.EOF) { // EIO follows the last text
		p.t.Fatal(p.err)
	}
	return p.Raw()
}

// Raw returns the output so far, all of which Screen has processed.
func (p *Terminal) Raw() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.raw)
}

func ioctl(t testing.TB, f *os.File, request uintptr, value unsafe.Pointer) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(value)); errno != 0 {
		t.Fatal(errno)
	}
}
