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

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/persistence"
)

// joined makes a node that no process is behind.
func (c *team) joined(node persistence.Node) persistence.Node {
	c.t.Helper()
	if err := c.store.Join(c.t.Context(), node); err != nil {
		c.t.Fatal(err)
	}
	return node
}

// beats makes a node live until the test ends or stop is called.
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

// Nodes of another protocol are not worked with while they live. A dead one is in
// nobody's way, though nobody was there to bury it.
func TestOtherProtocol(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	old := persistence.Node{ID: "old.abcdef", Name: "old", Address: "127.0.0.1:1", Version: "v0.1.0", Protocol: cluster.Protocol + 1}
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

// One name cannot stand for two chains.
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
	recording, err := replay.Open(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	node, err := replay.Serve(t.Context(), "127.0.0.1:0", recording)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	return node.URL()
}

// What makes other documents of a chain is said on both nodes, which run all the same.
func TestOtherConfiguration(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	one := c.start("one", calm)
	two := c.start("two", calm, "EVENT_WORKER_CHAINS_ETHEREUM_MARKETS_SEAPORT_START=17000000")
	for _, w := range []*worker{one, two} {
		w.says(`level=WARN msg="a chain is configured differently on another node, and what is followed depends on who has it: make the configurations the same" chain=ethereum`)
	}
	c.until("each has a chain", ownedBy("one", "two"))
	if n := strings.Count(one.out.String()+two.out.String(), "a chain is configured differently"); n != 2 {
		t.Errorf("it is said %d times by two nodes", n)
	}
}

// An address at which nobody answers is named by who cannot reach it.
func TestUnreachableAddress(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	nowhere := nobodyAt(t)
	one := c.start("one", calm)
	c.start("two", calm, "EVENT_WORKER_CLUSTER_ADVERTISE="+nowhere)
	s := c.until("each has a chain", ownedBy("one", "two"))
	two := id(t, s, "two")
	one.says("a node cannot be reached where it says")
	one.says("node=" + two + " address=" + nowhere)
	c.until("one says so to all", func(s state) bool {
		return slices.ContainsFunc(s.living(), func(n persistence.Node) bool { return n.Name == "one" && slices.Equal(n.Unreachable, []string{two}) })
	})
	header, rest, _ := strings.Cut(c.output(t, "status"), "\n")
	if table, _, _ := strings.Cut(rest, "\n\n"); !strings.Contains(table, "cannot reach\n") || !strings.Contains(table, two+"\n") {
		t.Errorf("status does not show it:\n%s\n%s", header, rest)
	}
}

// Two nodes that advertise one address are told of each other.
func TestSameAddress(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	same := []string{"EVENT_WORKER_CLUSTER_ADVERTISE=" + nobodyAt(t), calm}
	one, two := c.start("one", same...), c.start("two", same...)
	for _, w := range []*worker{one, two} {
		w.says("another node advertises the same address as this one, so that messages go astray: give each its own cluster.advertise")
	}
	c.until("each has a chain", ownedBy("one", "two"))
}

// Where a node cannot listen it does not begin.
func TestListenInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	c := newTeam(t)
	for option, want := range map[string]string{
		"EVENT_WORKER_CLUSTER_LISTEN": "cluster.listen " + taken + ": listen tcp " + taken + ": bind: address already in use: choose an address of this machine and a free port",
		"EVENT_WORKER_MONITOR_LISTEN": "health and metrics: listen tcp " + taken + ": bind: address already in use: free that address, or set monitor.listen to another one",
	} {
		if said := c.refused("one", option+"="+taken); !strings.Contains(said, want) {
			t.Errorf("says %s, want %s", said, want)
		}
	}
	if s := c.status(); len(s.Nodes) > 0 {
		t.Errorf("it has joined: %v", s.Nodes)
	}
}
