package cli

import (
	"bufio"
	"errors"
	"io"
	"iter"
)

// Line is a line of text without its end. Err ends the lines.
type Line struct {
	Text []byte
	Err  error
}

// Lines yields the lines of a text, numbered from 1. Of a line longer than limit bytes it
// yields limit + 1 bytes. The text is valid until the next line.
func Lines(in io.Reader, limit int) iter.Seq2[int, Line] {
	return func(yield func(int, Line) bool) {
		r := bufio.NewReader(in)
		for n := 1; ; n++ {
			text, err := readLine(r, limit)
			end := errors.Is(err, io.EOF)
			if err != nil && !end {
				yield(n, Line{Err: err})
				return
			}
			if end && len(text) == 0 || !yield(n, Line{Text: text}) || end {
				return
			}
		}
	}
}

func readLine(r *bufio.Reader, limit int) (text []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if err == nil {
			part = part[:len(part)-1]
		}
		text = append(text, part[:min(len(part), limit+1-len(text))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
	}
}
