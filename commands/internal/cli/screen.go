package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/imart/event-worker/internal/printable"
)

// Screen shows lines that stay, and on a terminal a panel below them that is
// redrawn in place. It is an io.Writer for what stays.
type Screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal *os.File // nil if out is none
	panel    []string
	drawn    int // lines of the panel that are on the terminal
}

func NewScreen(out io.Writer) *Screen {
	return &Screen{out: out, terminal: Terminal(out)}
}

// Terminal is out if that is a terminal, or else nil.
func Terminal(out io.Writer) *os.File {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// Readable is w for JSON, which ends up in out: if that is a terminal, what is not
// printable is escaped. Programs read the JSON as it is.
func Readable(w, out io.Writer) io.Writer {
	if Terminal(out) != nil {
		return printable.JSONWriter(w)
	}
	return w
}

// Write implements io.Writer.
func (s *Screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var frame bytes.Buffer
	s.erase(&frame)
	frame.Write(text)
	s.draw(&frame)
	if _, err := s.out.Write(frame.Bytes()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// OnTerminal reports whether there is a terminal, and so a panel.
func (s *Screen) OnTerminal() bool { return s.terminal != nil }

// Show draws another panel, if there is a terminal.
func (s *Screen) Show(panel []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal == nil {
		return nil
	}
	var frame bytes.Buffer
	s.erase(&frame)
	s.panel = panel
	s.draw(&frame)
	_, err := s.out.Write(frame.Bytes())
	return err
}

// erase takes the panel off the terminal.
func (s *Screen) erase(frame *bytes.Buffer) {
	if s.drawn > 0 {
		fmt.Fprintf(frame, "\x1b[%dA\x1b[J", s.drawn)
		s.drawn = 0
	}
}

// draw puts the panel onto the terminal: as much as it has room for, as what is
// wrapped or scrolled away could not be erased again.
func (s *Screen) draw(frame *bytes.Buffer) {
	if s.terminal == nil || len(s.panel) == 0 {
		return
	}
	width, height, err := term.GetSize(int(s.terminal.Fd()))
	if err != nil || width < 2 || height < 2 {
		return
	}
	for _, line := range s.panel[:min(len(s.panel), height-1)] {
		if runes := []rune(line); len(runes) >= width {
			line = string(runes[:width-1])
		}
		frame.WriteString(line + "\n")
		s.drawn++
	}
}
