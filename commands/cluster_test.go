package commands

import (
	"context"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/commands/internal/demo"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// quickly configures short intervals for tests. On a busy machine a node may be silent for
// longer: tests that cannot tolerate that use calm.
const quickly = `cluster: {poll: 100ms, ttl: 1500ms}
monitor: {listen: "127.0.0.1:0"}
tuning: {tick: 200ms, idle: 500ms}
`

// calm is the option of nodes that must not be declared dead.
const calm = "EVENT_WORKER_CLUSTER_TTL=20s"

// team is a cluster of processes on one MongoDB database that follow the recorded
// chains.
type team struct {
	database
	t      *testing.T
	dir    string // with the configuration
	store  *mongo.Store
	chains map[string]*replay.Node // what serves the chains
}

func newTeam(t *testing.T) *team {
	t.Helper()
	return newTeamOn(t, mongotest.Database(t))
}

// newTeamOn is newTeam for the database of a URI.
func newTeamOn(t *testing.T, uri string) *team {
	t.Helper()
	c := &team{database: database{"MONGODB_URI=" + uri}, t: t, dir: t.TempDir(), chains: map[string]*replay.Node{}}
	for _, ref := range demo.Markets {
		recording, err := demo.Recordings{Files: os.DirFS("../testdata/recordings"), Folder: "."}.Open(ref.Chain)
		if err != nil {
			t.Fatal(err)
		}
		c.chains[ref.Chain] = replay.NewNode(recording)
	}
	server := httptest.NewServer(demo.ByPath(c.chains))
	t.Cleanup(server.Close)
	text := strings.ReplaceAll(demo.Following(c.chains, server.URL), "poll: 1s", "poll: 50ms") + quickly
	if err := os.WriteFile(filepath.Join(c.dir, defaultConfig), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.store, err = mongo.Open(t.Context(), uri); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			c.tell()
		}
		_ = c.store.Close()
	})
	return c
}

// tell logs the state of the cluster at the end of a test.
func (c *team) tell() {
	var text strings.Builder
	s, err := new(statusFlags).state(context.Background(), c.store)
	if err == nil {
		err = s.print(&text, view{now: time.Now()})
	}
	c.t.Logf("status (%v):\n%s", err, &text)
}

// member is a process of a team.
type member struct {
	*process
	name string
}

// start starts a process of a name, with options as variables of the environment.
func (c *team) start(name string, options ...string) *member {
	c.t.Helper()
	w := &member{launchIn(c.t, c.dir, c.environ(name, options...), "run"), name}
	c.t.Cleanup(func() {
		if c.t.Failed() {
			c.t.Logf("%s:\n%s", w.name, &w.out)
		}
	})
	return w
}

func (c *team) environ(name string, options ...string) []string {
	return slices.Concat(c.database, []string{"EVENT_WORKER_NODE=" + name}, options)
}

// refused runs a process that must end with one line of error, and returns that.
func (c *team) refused(name string, options ...string) string {
	c.t.Helper()
	return refused(c.t, c.dir, c.environ(name, options...), "run")
}

// refused runs the program, which must end with one line of error, and returns that.
func refused(t *testing.T, dir string, environ []string, args ...string) string {
	t.Helper()
	_, stderr, code := result(t, dir, environ, args...)
	lines := slices.DeleteFunc(slices.Collect(strings.Lines(stderr)), func(line string) bool { return strings.HasPrefix(line, "time=") })
	if code != 1 || len(lines) != 1 {
		t.Fatalf("%v: exit code %d, and not one line of error:\n%s", args, code, stderr)
	}
	return lines[0]
}

// kill ends a process as a crash would.
func (w *member) kill() {
	_ = w.Process.Kill()
	<-w.ended
}

// status returns the state that the command status shows.
func (c *team) status() state {
	c.t.Helper()
	s, err := new(statusFlags).state(c.t.Context(), c.store)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// until waits until the cluster is as it should be.
func (c *team) until(what string, is func(state) bool) state {
	c.t.Helper()
	var s state
	eventually(c.t, what, func() bool { s = c.status(); return is(s) })
	return s
}

// ownedBy reports whether the living nodes with these names, sorted, own the chains. A name
// stands for one chain each time that it is listed.
func ownedBy(names ...string) func(state) bool {
	return func(s state) bool { return slices.Equal(slices.Sorted(maps.Values(chainOwners(s))), names) }
}

// chainOwners returns the names of the living owners of chains.
func chainOwners(s state) map[string]string {
	owners := map[string]string{}
	for _, l := range s.Leases {
		for _, n := range s.living() {
			if n.ID == l.Node {
				owners[l.Chain] = n.Name
			}
		}
	}
	return owners
}

// stateOf returns the state of the newest node with a name.
func stateOf(s state, name string) string {
	var last persistence.Node
	for _, n := range s.Nodes {
		if n.Name == name && n.JoinedAt.After(last.JoinedAt) {
			last = n
		}
	}
	return last.State
}

// id returns the id of the living node with a name.
func id(t *testing.T, s state, name string) string {
	t.Helper()
	for _, n := range s.living() {
		if n.Name == name {
			return n.ID
		}
	}
	t.Fatalf("no node %s among %v", name, s.Nodes)
	return ""
}

// advance lets the chains advance in the background.
func (c *team) advance(pace time.Duration) {
	ctx, cancel := context.WithCancel(c.t.Context())
	var running sync.WaitGroup
	for _, node := range c.chains {
		running.Go(func() { node.Run(ctx, pace) })
	}
	c.t.Cleanup(func() { cancel(); running.Wait() })
}

// finish advances the chains to their ends, and waits until all streams have caught up.
func (c *team) finish() {
	c.t.Helper()
	for _, node := range c.chains {
		node.Finish()
	}
	c.until("every stream is at its chain's end", func(s state) bool {
		streams := 0
		for _, root := range s.Chains {
			root.walk(func(b *branch) {
				if a := b.Actor; a != nil && a.Kind == "subject" && a.Status == persistence.Following && a.Lag == 0 && a.Head == c.chains[a.Chain].End() {
					streams++
				}
			})
		}
		return streams == 13
	})
}

// expectWhole expects the documents of an undisturbed demo.
func (c *team) expectWhole() {
	c.t.Helper()
	folder, _ := whole(c.t)
	if got, want := c.contents(c.t), contents(c.t, folder); got != want {
		c.t.Errorf("the documents are\n%s\nthose of the demo\n%s", got, want)
	}
}

// expectRest expects that no chain has an owner, and that all actors have stopped.
func (c *team) expectRest() {
	c.t.Helper()
	s := c.status()
	for _, l := range s.Leases {
		if l.Node != "" {
			c.t.Errorf("%s is still %s's", l.Chain, l.Node)
		}
	}
	for _, root := range s.Chains {
		root.walk(func(b *branch) {
			if a := b.Actor; a != nil && a.Status != persistence.Stopped {
				c.t.Errorf("%s is %s: %s", a.ID, a.Status, a.LastError)
			}
		})
	}
}

// Two nodes share two chains. If one is killed, the other takes its chain over, and hands a
// chain over to a node that joins. A node that is stopped hands its chain over first.
func TestClusterSharesChains(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	c.advance(10 * time.Millisecond)
	one, two := c.start("one"), c.start("two")
	c.until("each has a chain", ownedBy("one", "two"))

	one.kill()
	s := c.until("two has both", ownedBy("two", "two"))
	if got := stateOf(s, "one"); got != persistence.Dead {
		t.Errorf("who was killed is %s", got)
	}

	one = c.start("one")
	c.until("each has a chain again", ownedBy("one", "two"))
	two.says(`msg="chain released"`)
	one.says(`from="" `)

	two.ends(syscall.SIGTERM)
	s = c.status()
	if got := stateOf(s, "two"); got != persistence.Left {
		t.Errorf("who was stopped is %s", got)
	}
	two.says("left the cluster")
	c.until("one has both", ownedBy("one", "one"))

	c.finish()
	one.ends(syscall.SIGTERM)
	c.expectRest()
	c.expectWhole()
}
