package cli

import (
	"io"
	"os"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/imart/event-worker/internal/printable"
)

// guard writes to a terminal. Text from nodes, contracts, databases and files may have
// characters that control the terminal: it escapes them, in a form that JSON has too.
type guard struct {
	terminal *os.File
	mu       sync.Mutex
	part     []byte // of a character whose rest is not written yet
}

// Guard returns the writer of the program's output to a file: if the file is a terminal,
// every character that is neither printable nor white space is escaped. What the program
// itself tells the terminal goes to Own.
func Guard(file *os.File) io.Writer {
	if !term.IsTerminal(int(file.Fd())) {
		return file
	}
	return &guard{terminal: file}
}

// Own returns the writer of text that may control the terminal of out: colours, movements of
// the cursor, and texts that are printable already.
func Own(out io.Writer) io.Writer {
	if g, ok := out.(*guard); ok {
		return g.terminal
	}
	return out
}

// Write implements io.Writer.
func (g *guard) Write(text []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := append(g.part, text...)
	whole := len(all) - incomplete(all)
	g.part = append([]byte(nil), all[whole:]...)
	if _, err := g.terminal.Write(printable.Lines(all[:whole])); err != nil {
		return 0, err
	}
	return len(text), nil
}

// incomplete returns the number of bytes at the end of a text that may be the beginning of a
// character.
func incomplete(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if end := text[len(text)-n:]; utf8.RuneStart(end[0]) {
			if utf8.FullRune(end) {
				return 0
			}
			return n
		}
	}
	return 0
}
