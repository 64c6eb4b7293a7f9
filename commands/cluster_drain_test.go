package commands

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
)

// Drain moves a node's chains away until it is taken back. What no other node can
// follow stays.
func TestDrain(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	drain := func(args ...string) string { return c.output(t, append([]string{"drain"}, args...)...) }
	c.start("one", calm)
	c.start("two", calm)
	s := c.until("each has a chain", ownedBy("one", "two"))
	one, two := id(t, s, "one"), id(t, s, "two")

	said := drain("one")
	if !strings.HasPrefix(said, "Asked the running worker: drain of "+one+", request ") || !strings.HasSuffix(said, one+" has no chains left and takes none until drain --undo.\n") {
		t.Errorf("says %q", said)
	}
	s = c.until("two has both", ownedBy("two", "two"))
	if got := stateOf(s, "one"); got != persistence.Draining {
		t.Errorf("who is drained is %s", got)
	}
	said = refused(t, c.dir, c.database, "drain", two)
	if !strings.Contains(said, "no other node can follow aptos, ethereum: start a node that can") {
		t.Errorf("the last node can be drained: %s", said)
	}
	if !ownedBy("two", "two")(c.status()) {
		t.Error("and its chains have moved")
	}

	if said := drain("two", "--undo"); !strings.HasSuffix(said, two+" may take chains again.\n") {
		t.Errorf("says %q", said)
	}
	drain(one, "--undo")
	c.until("each has a chain again", ownedBy("one", "two"))
	asked := strings.Split(strings.TrimSpace(c.output(t, "query", "requests", `{kind: {$in: ["drain", "undrain"]}}`, "--sort", "askedAt")), "\n")
	for i, want := range []struct{ kind, node, state string }{
		{"drain", one, "done"}, {"drain", two, "failed"}, {"undrain", two, "done"}, {"undrain", one, "done"},
	} {
		var r persistence.Request
		if i >= len(asked) || json.Unmarshal([]byte(asked[i]), &r) != nil || r.Kind != want.kind || r.Node != want.node || r.State != want.state || !strings.Contains(r.AskedBy, "@") || r.EndedAt == nil {
			t.Errorf("request %d of %s: want %+v", i, asked, want)
		}
	}
	if said := refused(t, c.dir, c.database, "drain", "three"); !strings.Contains(said, `unknown node "three": the nodes are `+one+", "+two) {
		t.Errorf("an unknown node: %s", said)
	}
}

// Without a name drain means this machine's own node, as that calls itself.
func TestDrainOwnNode(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if said := refused(t, c.dir, c.database, "drain"); !strings.Contains(said, "no node runs on this database") {
		t.Errorf("without any node: %s", said)
	}
	c.start("one", calm)
	c.start("", calm, "EVENT_WORKER_NODE="+host)
	c.until("each has a chain", func(s state) bool { return len(chainOwners(s)) == 2 && len(s.living()) == 2 })
	for name, environ := range map[string][]string{host: c.database, "one": c.environ("one")} {
		for _, args := range [][]string{{"drain"}, {"drain", "--undo"}} {
			stdout, stderr, code := result(t, c.dir, environ, args...)
			if code != 0 || !strings.Contains(stdout, id(t, c.status(), name)) {
				t.Errorf("%v of %s: exit code %d, %s%s", args, name, code, stdout, stderr)
			}
		}
	}
}

func TestDrainWithoutMongoDB(t *testing.T) {
	t.Parallel()
	if said := refused(t, t.TempDir(), nil, "drain"); !strings.Contains(said, "clusters exist only on MongoDB: set MONGODB_URI to the database") {
		t.Error(said)
	}
}
