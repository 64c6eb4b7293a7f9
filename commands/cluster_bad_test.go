package commands

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/chains/replay/replaytest"
	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/persistence"
)

// joined registers a node without a process.
func (c *team) joined(node persistence.Node) persistence.Node {
	c.t.Helper()
	if err := c.store.Join(c.t.Context(), node); err != nil {
		c.t.Fatal(err)
	}
	return node
}

// beats sends heartbeats for a node until the test ends or stop is called.
func (c *team) beats(node persistence.Node) (stop func()) {
	over := make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(50 * time.Millisecond):
			}
			if _, err := c.store.Heartbeat(c.t.Context(), node.ID, persistence.Heartbeat{Clock: time.Now()}); err != nil && c.t.Context().Err() == nil {
				c.t.Errorf("%s cannot beat: %v", node.ID, err)
			}
		}
	})
	stop = sync.OnceFunc(func() { close(over); beating.Wait() })
	c.t.Cleanup(stop)
	return stop
}

// A node refuses to join living nodes of another protocol. A dead one is no obstacle, even
// if it was not declared dead.
func TestOtherProtocol(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	old := persistence.Node{ID: "old.abcdef", Name: "old", Version: "v0.1.0", Protocol: cluster.Protocol + 1}
	stop := c.beats(c.joined(old))
	if said := c.refused("one"); !strings.Contains(said, "this node cannot work with the others of its cluster: node old.abcdef runs version v0.1.0: stop the nodes of that version first, or use another database") {
		t.Errorf("with a living node: %s", said)
	}
	stop()
	c.start("one")
	s := c.until("one has both", ownedBy("one", "one"))
	if got := stateOf(s, "old"); got != persistence.Dead {
		t.Errorf("who was silent is %s", got)
	}
}

// Two nodes cannot follow different chains under one name.
func TestOtherChainOfTheSameName(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	c.start("one", calm)
	s := c.until("one has both", ownedBy("one", "one"))
	before := s.Leases
	said := c.refused("two", "EVENT_WORKER_CHAINS_ETHEREUM_CHAIN_ID=5", "EVENT_WORKER_CHAINS_ETHEREUM_RECORDED=false",
		"EVENT_WORKER_CHAINS_ETHEREUM_ENDPOINT="+chainOfID(t, "5"))
	want := "chain ethereum is evm 5 here and evm 1 on node " + id(t, s, "one") + ": correct kind and chainId in one of the configurations, or give one of the chains another name"
	if !strings.Contains(said, want) {
		t.Errorf("says %s, want %s", said, want)
	}
	if s := c.status(); !slices.Equal(s.Leases, before) || len(s.Nodes) != 1 {
		t.Errorf("it has changed something: %v, %v", s.Nodes, s.Leases)
	}
}

// chainOfID serves a recorded chain under another id.
func chainOfID(t *testing.T, id string) (endpoint string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "chain")
	if err := os.CopyFS(dir, os.DirFS("../testdata/recordings/ethereum")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "chain.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), `"chainId": 1`, `"chainId": `+id, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return replaytest.Serve(t, replaytest.Open(t, os.DirFS(dir))).URL()
}

// Both nodes warn if their configurations make different documents of a chain, and run.
func TestOtherConfiguration(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	one := c.start("one", calm)
	two := c.start("two", calm, "EVENT_WORKER_CHAINS_ETHEREUM_MARKETS_SEAPORT_START=17000000")
	for _, w := range []*member{one, two} {
		w.says(`level=WARN msg="a chain is configured differently on another node, and its owner's configuration applies: make the configurations the same" chain=ethereum`)
	}
	c.until("each has a chain", ownedBy("one", "two"))
	if n := strings.Count(one.out.String()+two.out.String(), "a chain is configured differently"); n != 2 {
		t.Errorf("it is said %d times by two nodes", n)
	}
}

// A node warns of the removed options for a port between nodes, and runs.
func TestOptionsOfThePort(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	file := filepath.Join(c.dir, defaultConfig)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "cluster: {") {
		t.Fatalf("no section cluster in\n%s", text)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "cluster: {", `cluster: {listen: ":8090", `, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	one := c.start("one", "EVENT_WORKER_CLUSTER_ADVERTISE=worker-1.internal:8090")
	for _, option := range []string{
		"environment variable EVENT_WORKER_CLUSTER_ADVERTISE: cluster.advertise: nodes no longer need a port between them: remove it",
		": cluster.listen: nodes no longer need a port between them: remove it",
	} {
		one.says(option)
	}
	if said := one.out.String(); !strings.Contains(said, `level=WARN msg="outdated option"`) || strings.Contains(said, "unknown environment variable") {
		t.Errorf("it says\n%s", said)
	}
	s := c.until("one has both", ownedBy("one", "one"))
	if n := s.living()[0]; n.Address != "" {
		t.Errorf("it has the address %s", n.Address)
	}
	said, _, code := result(t, c.dir, c.environ("one"), "config", "check")
	if code != 0 || !strings.Contains(said, "outdated: event-worker.yaml:") {
		t.Errorf("config check: exit code %d\n%s", code, said)
	}
}

// A node that cannot listen at its address does not start.
func TestListenInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	c := newTeam(t)
	want := "health and metrics: listen tcp " + taken + ": bind: address already in use: free that address, or set monitor.listen to another one"
	if said := c.refused("one", "EVENT_WORKER_MONITOR_LISTEN="+taken); !strings.Contains(said, want) {
		t.Errorf("says %s, want %s", said, want)
	}
	if s := c.status(); len(s.Nodes) > 0 {
		t.Errorf("it has joined: %v", s.Nodes)
	}
}
