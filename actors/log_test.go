package actors

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/imart/event-worker/chains"
)

// journal is what a node has logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// lines are those with all of the texts.
func (j *journal) lines(with ...string) (found []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.text.String()) {
		if !slices.ContainsFunc(with, func(text string) bool { return !strings.Contains(line, text) }) {
			found = append(found, line)
		}
	}
	return found
}

// expect expects one line with a text, and that the line has others too.
func (j *journal) expect(t *testing.T, with string, more ...string) {
	t.Helper()
	found := j.lines(with)
	if len(found) != 1 {
		t.Fatalf("%d lines with %q: %q", len(found), with, found)
	}
	for _, text := range more {
		if !strings.Contains(found[0], text) {
			t.Errorf("no %q in %s", text, found[0])
		}
	}
}

func TestWhatIsLoggedOfAReorganisation(t *testing.T) {
	w := calm(t, "list", "buy")
	w.log = &journal{}
	w.boot()
	w.mine(block(listed("a", "5")), block(bought("a", "1")), block(listed("b", "1")))
	w.mustCheck()
	w.log.expect(t, `msg="chain acquired"`, "level=INFO", "chain=chain", "epoch=1")
	if n := len(w.log.lines("reorganised")); n > 0 {
		t.Errorf("%d lines of reorganisations before there is one", n)
	}
	w.chain.fork(2)
	w.mine(block(bought("a", "2")), block()) // not above the old height: the subject, seeing the head on its way, would go back twice
	w.mustCheck()
	w.log.expect(t, `msg="chain reorganised"`, "level=INFO", "chain=chain", "depth=2", "head=3")
	for _, s := range w.streams { // at the level info, their documents' observers only at debug
		w.log.expect(t, `msg="rolling back" test=`+t.Name()+" stream=chain/market/"+s, "level=INFO", "observer=activity", "from=3 to=1 depth=2")
	}
}

func TestWhatIsLoggedOfDeadLetters(t *testing.T) {
	w := calm(t, "list")
	w.log = &journal{}
	w.mine(block(dead(listed("a", "5")), dead(listed("b", "5"))))
	w.boot()
	w.mustCheck()
	w.log.expect(t, "are dead letters now", "level=ERROR", "stream=chain/market/list count=2 first=chain/market/list/1.0.0/", "reason=")
}

// A failed actor's restart is logged with its reason.
func TestWhatIsLoggedOfAFailure(t *testing.T) {
	w := calm(t, "list")
	w.log = &journal{}
	w.boot()
	w.mine(block(listed("a", "5")))
	w.mustCheck()
	w.tell("chain/market/list/activity", errors.New("out of paper"))
	w.eventually("the restart", func() bool { return w.restarts("list/activity") == 1 })
	w.log.expect(t, "actor=chain/market/list/activity", "level=WARN", `reason="out of paper"`, "failures=1", "in=")
}

func TestAbandonedBlocks(t *testing.T) {
	view := func(final int64, hashes ...string) *chains.View { return chains.NewView(final, hashes) }
	for _, test := range []struct {
		name          string
		before, after *chains.View
		want          int64
	}{
		{"the first view", nil, view(5, "a"), 0},
		{"the same", view(5, "a", "b"), view(5, "a", "b"), 0},
		{"further", view(5, "a", "b"), view(6, "b", "c", "d"), 0},
		{"far further", view(5, "a", "b"), view(9, "x"), 0},
		{"one block", view(5, "a", "b"), view(5, "a", "B", "C"), 1},
		{"onto a shorter branch", view(5, "a", "b", "c", "d"), view(5, "a", "B"), 3},
		{"all that was not final", view(5, "a", "b", "c"), view(5, "a", "B", "C"), 2},
		{"deeper than finality", view(5, "a", "b"), view(4, "Z", "A", "B"), 2},
		{"as much as is known", view(5, "a", "b", "c"), view(7, "C", "D"), 1},
		{"a ledger", chains.NewLedger(9), chains.NewLedger(12), 0},
	} {
		if got := abandoned(test.before, test.after); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}
