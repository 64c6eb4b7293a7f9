package actors

import (
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// The chain, final up to 2, and the places of the cases:
//
//	0 ─ 1 ─ 2 ─ 3a ─ 4a
//	         └─ 3b
func TestWhatASubjectMayDoForAnObserver(t *testing.T) {
	view := chains.NewView(2, []string{"2", "3a", "4a"})
	for _, test := range []struct {
		name string
		c    cursor
		want cursorState
	}{
		{"it has not subscribed", cursor{sent: at(3, "3a")}, unsubscribed},
		{"at the start", cursor{subscribed: true}, onBranch},
		{"on the branch", cursor{subscribed: true, sent: at(3, "3a")}, onBranch},
		{"on the branch, batches under way", cursor{subscribed: true, sent: at(4, "4a"), flights: make([]flight, 2)}, onBranch},
		{"below finality, found", cursor{subscribed: true, sent: at(1, "1"), settled: true}, onBranch},
		{"beyond the head", cursor{subscribed: true, sent: at(5, "5a"), flights: make([]flight, 1)}, aheadOfHead},
		{"off the branch, batches under way", cursor{subscribed: true, sent: at(3, "3b"), flights: make([]flight, 1), ancestor: &markets.Place{}}, draining},
		{"off the branch", cursor{subscribed: true, sent: at(3, "3b")}, lost},
		{"below finality, not found yet", cursor{subscribed: true, sent: at(1, "1")}, lost},
		{"off the branch, its ancestor known", cursor{subscribed: true, sent: at(3, "3b"), ancestor: &markets.Place{Seq: 2, Hash: "2"}}, returning},
	} {
		if got := test.c.state(view); got != test.want {
			t.Errorf("%s: state %d, want %d", test.name, got, test.want)
		}
	}
}

// What was final is certain until finality is violated: then it is looked for again.
func TestAFinalityViolationUnsettlesPlacesBelowFinality(t *testing.T) {
	before, after := chains.NewView(2, []string{"2", "3a"}), chains.NewView(2, []string{"2x", "3x"})
	c := &cursor{subscribed: true, sent: at(1, "1"), settled: true}
	s := &subject{view: before, cursors: []*cursor{c}}
	s.handleHead(chains.NewView(2, []string{"2", "3a", "4a"}))
	if got := c.state(s.view); got != onBranch {
		t.Errorf("on the next view: state %d, want %d", got, onBranch)
	}
	after.FinalityViolations++
	s.handleHead(after)
	if got := c.state(s.view); got != lost {
		t.Errorf("after the violation: state %d, want %d", got, lost)
	}
}
