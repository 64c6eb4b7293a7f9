package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Waits returns a function that prints what a command waits for, and how long it has
// waited.
func Waits(out io.Writer, what string) func(waited time.Duration) {
	return func(waited time.Duration) {
		fmt.Fprintf(out, "event-worker: waiting for %s, for %s so far…\n", what, waited)
	}
}

// Quoted quotes a word for a shell, if necessary.
func Quoted(word string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("/._-", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
