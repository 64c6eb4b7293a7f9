//go:build unix

package commands

import (
	"syscall"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
)

// The chains of a node that is stopped by SIGSTOP are taken over. When it continues, the
// same process joins again and gets a chain back.
func TestClusterPaused(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	c.advance(10 * time.Millisecond)
	one := c.start("one")
	c.start("two")
	s := c.until("each has a chain", ownedBy("one", "two"))
	before := id(t, s, "one")

	one.send(syscall.SIGSTOP)
	c.until("two has both", ownedBy("two", "two"))
	one.send(syscall.SIGCONT)
	one.says("it stops its chains and joins again")
	s = c.until("each has a chain again", ownedBy("one", "two"))
	for _, n := range s.Nodes {
		if n.ID == before && n.State != persistence.Dead {
			t.Errorf("what it was is %s", n.State)
		}
	}

	c.finish()
	c.expectWhole()
}

func (w *member) send(signal syscall.Signal) {
	w.t.Helper()
	if err := w.Process.Signal(signal); err != nil {
		w.t.Fatal(err)
	}
}
