package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/internal/printable"
)

// Screen prints permanent lines and, on a terminal, a panel below them that is redrawn in
// place. It is the io.Writer of the permanent lines. Its methods may be called
// concurrently.
type Screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal *os.File // nil if out is not a terminal
	panel    Panel
	drawn    []int // the widths of the panel's lines that are on the terminal
}

// Panel returns the lines of a panel: none may be wider than the width, and lines beyond
// the height are not drawn.
type Panel func(width, height int) []string

// NewScreen returns a screen without a panel.
func NewScreen(out io.Writer) *Screen {
	return &Screen{out: out, terminal: Terminal(out)}
}

// Terminal returns out if it is a terminal, or else nil.
func Terminal(out io.Writer) *os.File {
	if f, ok := Own(out).(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// Size returns the size of a terminal; false if out is not a terminal or its size is
// unknown. Do not use the last column: writing to it makes some terminals wrap.
func Size(out io.Writer) (width, height int, ok bool) {
	terminal := Terminal(out)
	if terminal == nil {
		return 0, 0, false
	}
	width, height, err := term.GetSize(int(terminal.Fd()))
	return width, height, err == nil && width >= 2 && height >= 2
}

// Colours reports whether output to out may be coloured: out is a terminal that supports
// colours, and NO_COLOR is not set (https://no-color.org).
func Colours(out io.Writer) bool {
	return Terminal(out) != nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Write implements io.Writer. On a terminal it escapes what is not printable. Each Write must
// contain whole characters.
func (s *Screen) Write(text []byte) (int, error) {
	if s.terminal == nil {
		return s.out.Write(text)
	}
	return len(text), s.add(printable.Lines(text))
}

// Print prints permanent lines that may have colours. The rest of their text is printable.
func (s *Screen) Print(lines []string) error {
	return s.add([]byte(strings.Join(lines, "\n") + "\n"))
}

func (s *Screen) add(text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var frame bytes.Buffer
	s.erase(&frame)
	frame.Write(text)
	s.draw(&frame)
	_, err := Own(s.out).Write(frame.Bytes())
	return err
}

// OnTerminal reports whether there is a terminal that can show a panel.
func (s *Screen) OnTerminal() bool {
	return s.terminal != nil && os.Getenv("TERM") != "dumb"
}

// Out returns the screen's output.
func (s *Screen) Out() io.Writer { return s.out }

// Colours reports whether the panel may have colours.
func (s *Screen) Colours() bool { return Colours(s.out) }

// Show replaces the panel, or removes it if panel is nil. Without a terminal it does
// nothing.
func (s *Screen) Show(panel Panel) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.OnTerminal() {
		return nil
	}
	var frame bytes.Buffer
	s.erase(&frame)
	s.panel = panel
	s.draw(&frame)
	_, err := Own(s.out).Write(frame.Bytes())
	return err
}

// erase removes the panel from the terminal. If the terminal has become narrower, it is
// assumed to have wrapped the panel's lines.
func (s *Screen) erase(frame *bytes.Buffer) {
	if len(s.drawn) == 0 {
		return
	}
	rows := len(s.drawn)
	if width, _, ok := Size(s.out); ok {
		rows = 0
		for _, line := range s.drawn {
			rows += 1 + max(0, line-1)/width
		}
	}
	fmt.Fprintf(frame, "\x1b[%dA\x1b[J", rows)
	s.drawn = nil
}

// draw draws as many lines of the panel as fit: lines that are wrapped or scrolled away
// could not be erased.
func (s *Screen) draw(frame *bytes.Buffer) {
	if !s.OnTerminal() || s.panel == nil {
		return
	}
	width, height, ok := Size(s.out)
	if !ok {
		return
	}
	lines := s.panel(width-1, height-1)
	for _, line := range lines[:min(len(lines), height-1)] {
		frame.WriteString(line + "\n")
		s.drawn = append(s.drawn, table.Width(table.Uncoloured(line)))
	}
}
