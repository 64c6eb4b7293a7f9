package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/printable"

	"github.com/imart/event-worker/internal/ptytest"
)

// JSON on a terminal is escaped, and means the same. Elsewhere it is unchanged.
func TestJSONOnATerminal(t *testing.T) {
	const document = "{\"name\":\"a\u009b31mb\u202e漢\x7f\"}\n"
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if out := Guard(file); out != file || Own(out) != file {
		t.Error("a file is guarded")
	}
	out := ptytest.Open(t, 80, 24)
	if _, err := io.WriteString(Guard(out.File), document); err != nil {
		t.Fatal(err)
	}
	if got, want := out.End(), `{"name":"a\u009b31mb\u202e漢\u007f"}`+"\r\n"; got != want {
		t.Errorf("on a terminal: %q, want %q", got, want)
	}
}

// Whatever is written, and in whatever parts, nothing controls the terminal, and no
// character is torn.
func TestNothingForeignControlsTheTerminal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hostile := rapid.SampledFrom([]string{
			"\x1b[2J", "\x1b]0;title\a", "\u009b31m", "\x9b31m", "\x7f", "\b", "\r", "\v", "\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\u2028", "\ufeff", "\U000e0041", "\xff", "漢é🙂", "\n", "\t", "plain",
		})
		part := rapid.OneOf(hostile, rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		text := strings.Join(rapid.SliceOf(part).Draw(rt, "parts"), "")
		pipe, terminal, err := os.Pipe()
		if err != nil {
			rt.Fatal(err)
		}
		defer pipe.Close()
		out := &guard{terminal: terminal}
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(rt, "written")
			if _, err := io.WriteString(out, rest[:n]); err != nil {
				rt.Fatal(err)
			}
			rest = rest[n:]
		}
		terminal.Close()
		shown, err := io.ReadAll(pipe)
		if err != nil {
			rt.Fatal(err)
		}
		for _, r := range string(shown) {
			if !unicode.IsPrint(r) && r != '\n' && r != '\t' {
				rt.Fatalf("%q shows %q", text, shown)
			}
		}
		if all := printable.Lines([]byte(text)); utf8.ValidString(text) && !bytes.Equal(shown, all) {
			rt.Fatalf("%q shows %q, want %q", text, shown, all)
		}
	})
}

// panelOf is a panel of full-width lines.
func panelOf(name string, lines int) Panel {
	return func(width, height int) []string {
		var out []string
		for i := range lines {
			out = append(out, fmt.Sprintf("%s%d%s", name, i, strings.Repeat(".", width))[:width])
		}
		return out
	}
}

// Permanent lines scroll above a panel that is redrawn, and nothing of the panel is left
// once it is removed. The terminal may become narrower as long as the wrapped panel fits
// it.
func TestPanelBelowTheLog(t *testing.T) {
	t.Setenv("TERM", "xterm")
	out := ptytest.Open(t, 40, 10)
	s := NewScreen(out.File)
	step := func(do func() error) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	said := 0
	say := func() error {
		said++
		_, err := fmt.Fprintf(s, "line %d\n", said)
		return err
	}
	for _, size := range [][2]int{{40, 4}, {40, 10}, {70, 20}, {36, 14}, {12, 24}, {80, 7}} {
		settle(t, out)
		out.Resize(size[0], size[1])
		for n := range 4 {
			step(func() error { return s.Show(panelOf(string(rune('A'+n)), 5)) })
			step(say)
		}
		settle(t, out)
		var panel []string
		for _, row := range out.Screen.Rows() {
			if strings.HasPrefix(row, "D") {
				panel = append(panel, row)
			} else if strings.Contains(row, "...") {
				t.Errorf("at %v there is a line of an earlier panel: %q", size, row)
			}
		}
		if want := min(5, size[1]-1); len(panel) != want || len(panel[0]) != size[0]-1 {
			t.Errorf("at %v the panel is %q, want %d lines", size, panel, want)
		}
	}
	step(func() error { return s.Show(nil) })
	step(say)
	out.End()
	var want []string
	for n := range said {
		want = append(want, fmt.Sprintf("line %d", n+1))
	}
	if got := out.Screen.Text(); got != strings.Join(want, "\n") {
		t.Errorf("in the end there is\n%s", got)
	}
	if wrapped, unknown := out.Screen.Wrapped(); wrapped > 0 || len(unknown) > 0 {
		t.Errorf("%d lines wrapped, and %q", wrapped, unknown)
	}
}

// settle waits until the terminal has shown everything written so far. It writes an
// invisible mark and waits for it.
func settle(t *testing.T, out *ptytest.Terminal) {
	t.Helper()
	marks := strings.Count(out.Raw(), mark) + 1
	if _, err := out.WriteString(mark); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); strings.Count(out.Raw(), mark) < marks; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the terminal does not show what is written")
		}
	}
}

const mark = "\x1b[97m\x1b[0m"

// Colours need a terminal that supports them, and no NO_COLOR.
func TestColours(t *testing.T) {
	out := ptytest.Open(t, 80, 24)
	for _, test := range []struct {
		noColor, term string
		want          bool
	}{{"", "xterm", true}, {"1", "xterm", false}, {"", "dumb", false}} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", test.term)
		if got := Colours(out.File); got != test.want {
			t.Errorf("NO_COLOR=%s TERM=%s: %t", test.noColor, test.term, got)
		}
	}
	if Colours(new(bytes.Buffer)) {
		t.Error("colours in a file")
	}
}
