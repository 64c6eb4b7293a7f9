package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// On a terminal, JSON has escapes for what is not printable; elsewhere it is left alone.
func TestJSONOnATerminal(t *testing.T) {
	const document = "{\"name\":\"a\u009b31mb\u202e漢\x7f\"}\n"
	var plain bytes.Buffer
	if _, err := Readable(&plain, &plain).Write([]byte(document)); err != nil || plain.String() != document {
		t.Errorf("not on a terminal: %q (%v)", &plain, err)
	}
	out, seen := pseudoTerminal(t)
	if _, err := Readable(out, out).Write([]byte(document)); err != nil {
		t.Fatal(err)
	}
	// The kernel may pass a line on in pieces; EIO follows the last one once the terminal is closed.
	out.Close()
	got, err := io.ReadAll(seen)
	if want := `{"name":"a\u009b31mb\u202e漢\u007f"}` + "\r\n"; !errors.Is(err, syscall.EIO) || string(got) != want {
		t.Errorf("on a terminal: %q (%v), want %q", got, err, want)
	}
}

// pseudoTerminal is a terminal, and the end where what is written to it can be read.
func pseudoTerminal(t *testing.T) (terminal, seen *os.File) {
	t.Helper()
	seen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { seen.Close() })
	var number, locked int32
	for request, value := range map[uintptr]*int32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, seen.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
			t.Fatal(errno)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return terminal, seen
}
