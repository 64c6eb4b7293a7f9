package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/ptytest"
)

// Characters that are not printable are escaped on a terminal, and unchanged elsewhere.
func TestJSONOnATerminal(t *testing.T) {
	const document = "{\"name\":\"a\u009b31mb\u202e漢\x7f\"}\n"
	var plain bytes.Buffer
	if _, err := Readable(&plain, &plain).Write([]byte(document)); err != nil || plain.String() != document {
		t.Errorf("not on a terminal: %q (%v)", &plain, err)
	}
	out := ptytest.Open(t, 80, 24)
	if _, err := Readable(out.File, out.File).Write([]byte(document)); err != nil {
		t.Fatal(err)
	}
	if got, want := out.End(), `{"name":"a\u009b31mb\u202e漢\u007f"}`+"\r\n"; got != want {
		t.Errorf("on a terminal: %q, want %q", got, want)
	}
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
