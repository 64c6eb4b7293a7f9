package commands

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/imart/event-worker/internal/printable"
)

// screen shows lines that stay, and on a terminal a panel below them that is
// redrawn in place. It is an io.Writer for what stays.
type screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal *os.File // nil if out is none
	panel    []string
	drawn    int // lines of the panel that are on the terminal
}

func newScreen(out io.Writer) *screen {
	return &screen{out: out, terminal: terminal(out)}
}

// terminal is out if that is a terminal, or else nil.
func terminal(out io.Writer) *os.File {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// readable is w for JSON, which ends up in out: if that is a terminal, what is not
// printable is escaped. Programs read the JSON as it is.
func readable(w, out io.Writer) io.Writer {
	if terminal(out) != nil {
		return printable.JSONWriter(w)
	}
	return w
}

// Write implements io.Writer.
func (s *screen) Write(text []byte) (int, error) {
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

// show draws another panel, if there is a terminal.
func (s *screen) show(panel []string) error {
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
func (s *screen) erase(frame *bytes.Buffer) {
	if s.drawn > 0 {
		fmt.Fprintf(frame, "\x1b[%dA\x1b[J", s.drawn)
		s.drawn = 0
	}
}

// draw puts the panel onto the terminal: as much as it has room for, as what is
// wrapped or scrolled away could not be erased again.
func (s *screen) draw(frame *bytes.Buffer) {
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
