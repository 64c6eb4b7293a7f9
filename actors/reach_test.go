package actors

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// However long the windows, and however the head moves meanwhile: a reorganisation of
// some depth goes back by no more than twice that depth, and nearHead.
func TestARollbackIsAboutAsDeepAsItsReorganisation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		head := rapid.Int64Range(1, 1_000_000).Draw(t, "head")
		window := rapid.Int64Range(1, 200_000).Draw(t, "window")
		at := markets.Place{}
		trail := markets.Trail{at}
		for pushes := 1; at.Seq < head; pushes++ {
			view := chains.NewView(head, []string{fmt.Sprint(head)})
			through := reach(view, at, -1)
			at = markets.Place{Seq: min(at.Seq+window, through, head), Hash: "x"}
			trail = trail.Push(at)
			if rapid.IntRange(0, 3).Draw(t, "moves") == 0 && pushes < 3000 {
				head += rapid.Int64Range(1, 5).Draw(t, "by")
			}
			if pushes%200 == 0 {
				window *= 10 // small windows are slow
			}
		}
		for range 20 {
			depth := rapid.Int64Range(1, head).Draw(t, "depth")
			newest, _ := trail.AtOrBelow(head - depth)
			if back := head - newest.Seq; back > 2*depth+nearHead {
				t.Fatalf("a reorganisation of %d blocks goes back %d: %v", depth, back, trail)
			}
		}
	})
}

// Reading is not restricted where nothing is reorganised, and never beyond what was
// asked for.
func TestReach(t *testing.T) {
	blocks := chains.NewView(100, []string{"a"})
	for _, test := range []struct {
		view           *chains.View
		after, through int64
		want           int64
	}{
		{chains.NewLedger(1000), 7, -1, -1},
		{chains.NewLedger(1000), 7, 9, 9},
		{blocks, 0, -1, 50},
		{blocks, 0, 30, 30},
		{blocks, 0, 80, 50},
		{blocks, 60, -1, 80},
		{blocks, 90, -1, 90 + nearHead},
		{blocks, 100, -1, 100 + nearHead},
	} {
		if got := reach(test.view, markets.Place{Seq: test.after}, test.through); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

// A long history is read by long windows, its end is final, and then some of that is
// abandoned: 157 blocks, as on Polygon.
func TestAReorganisationOf157BlocksGoesBackByAboutSoMany(t *testing.T) {
	w := calm(t, "buy")
	w.log = &journal{}
	w.chain.finality = 64
	for n := range 3000 {
		if n%200 == 0 {
			w.chain.mine(bought("a", "1"))
		} else {
			w.chain.mine()
		}
	}
	w.boot()
	w.mustCheck()
	w.chain.fork(157)
	w.blocks(157) // not above the old height: the subject, seeing the head on its way, would go back twice
	w.mustCheck()
	line := w.log.lines(`msg="rolling back"`)
	if len(line) != 1 {
		t.Fatalf("%q", line)
	}
	var depth int64
	for _, a := range w.chain.rollbacks() {
		depth = max(depth, 3000-a.Seq)
	}
	if depth < 157 || depth > 2*157+nearHead {
		t.Errorf("it goes back %d: %s", depth, line[0])
	}
}
