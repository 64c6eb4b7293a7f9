package commands

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
)

// alone are the commands that need exclusive access to the data.
var alone = [][]string{
	{"run", "--once"},
	{"copy", "--from", "mongodb", "--to", "embedded", "--data", "copied"},
}

// Commands that need exclusive access refuse to run beside a cluster. They work after it
// has died, even while its node still counts as living.
func TestAlone(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	one := c.start("one", calm)
	c.finish()
	want := fmt.Sprintf("a cluster is running there (%s): stop it first", id(t, c.status(), "one"))
	for _, args := range alone {
		if said := refused(t, c.dir, c.database, args...); !strings.Contains(said, want) {
			t.Errorf("says %s, want %s", said, want)
		}
	}
	one.kill()
	if got := stateOf(c.status(), "one"); got != persistence.Up {
		t.Fatalf("one is %s", got)
	}
	for _, args := range alone {
		if _, stderr, code := result(t, c.dir, c.database, args...); code != 0 {
			t.Errorf("%v after a crash: exit code %d, %s", args, code, stderr)
		}
	}
	c.start("one")
	c.until("one has both", ownedBy("one", "one"))
	c.finish()
	c.expectWhole()
}

// The demo needs exclusive access to the data, too.
func TestDemoAlone(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	stop := c.beats(c.joined(persistence.Node{ID: "one.abcdef", Name: "one", Protocol: cluster.Protocol}))
	if said := refused(t, c.dir, c.database, "demo", "--once"); !strings.Contains(said, "a cluster is running there (one.abcdef): stop it first") {
		t.Errorf("says %s", said)
	}
	stop()
	c.output(t, "demo", "--once")
	if said := c.refused("one"); !strings.Contains(said, "it contains the demo's data: choose another location") {
		t.Errorf("a node on the demo's data: %s", said)
	}
}

// A database on which a cluster runs is no target of a copy, even if it is still empty.
func TestCopyAlone(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	folder, _ := whole(t)
	stop := c.beats(c.joined(persistence.Node{ID: "one.abcdef", Name: "one", Address: "127.0.0.1:1", Protocol: cluster.Protocol}))
	if said := refused(t, c.dir, c.database, copyThere(folder)...); !strings.Contains(said, "a cluster is running there (one.abcdef): stop it first") {
		t.Errorf("says %s", said)
	}
	stop()
	c.output(t, copyThere(folder)...)
	if c.contents(t) != contents(t, folder) {
		t.Error("the copy is not the same")
	}
}
