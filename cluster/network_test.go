package cluster

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// peerVariable makes this test binary a Peer: of two networks in one process the
// library makes data races.
const peerVariable = "EVENT_WORKER_TEST_PEER"

func TestMain(m *testing.M) {
	if os.Getenv(peerVariable) == "" {
		os.Exit(m.Run())
	}
	server := rpc.NewServer()
	if err := server.Register(new(Peer)); err != nil {
		panic(err)
	}
	server.ServeConn(pipe{os.Stdin, os.Stdout})
}

// pipe is a connection of two halves.
type pipe struct {
	io.ReadCloser
	io.WriteCloser
}

func (p pipe) Close() error { return p.WriteCloser.Close() }

// Peer is a network in a process of its own, which obeys another process.
type Peer struct {
	network *Network
	log     said
}

// said is what was logged so far.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// Nothing is what an order is given, or answers, when there is nothing to say.
type Nothing struct{}

// Connect listens, and answers what it advertises.
func (p *Peer) Connect(listen string, address *string) (err error) {
	p.network, err = Connect(Options{Cluster: "test", Listen: listen, Log: slog.New(slog.NewTextHandler(&p.log, nil))})
	if err == nil {
		*address = p.network.Address()
	}
	return err
}

// Knowledge is what Know is told.
type Knowledge struct {
	Me     string
	Nodes  []persistence.Node
	Owners map[string]string
}

// Know lets the network know, and answers for chains as their owner would.
func (p *Peer) Know(k Knowledge, _ *Nothing) error {
	p.network.Serve(func(chain string) *messages.ChainStatus {
		return &messages.ChainStatus{Chain: chain, Node: k.Me, Epoch: 7, Phase: "running"}
	})
	p.network.Know(k.Me, k.Nodes, k.Owners)
	return nil
}

// Poke pokes a node.
func (p *Peer) Poke(node string, _ *Nothing) error {
	p.network.Poke(node)
	return nil
}

// Poked answers whether somebody has poked by now, or does within a while.
func (p *Peer) Poked(_ Nothing, poked *bool) error {
	select {
	case <-p.network.Pokes():
		*poked = true
	case <-time.After(200 * time.Millisecond):
	}
	return nil
}

// Chain asks the owner of a chain how it is.
func (p *Peer) Chain(chain string, status *string) error {
	s, err := p.network.Chain(chain)
	if err == nil {
		*status = fmt.Sprintf("%s: %s by %s at epoch %d", s.Chain, s.Phase, s.Node, s.Epoch)
	}
	return err
}

// Sight is what a peer finds out about others.
type Sight struct {
	Failures    int       // in a row, of the pings to the node that was asked about
	Pinged      time.Time // when that was pinged for the last time
	Unreachable []string
	Log         string
}

// Look answers what it has found out.
func (p *Peer) Look(node string, s *Sight) error {
	p.network.mu.Lock()
	if ping := p.network.pings[node]; ping != nil {
		s.Failures, s.Pinged = ping.failures, ping.at
	}
	p.network.mu.Unlock()
	s.Unreachable = p.network.Unreachable()
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	s.Log = p.log.text.String()
	return nil
}

// peer is the other process's end of a Peer.
type peer struct {
	*rpc.Client
	t       *testing.T
	address string
}

// startPeer starts a peer that listens at an address.
func startPeer(t *testing.T, listen string) *peer {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), peerVariable+"=1")
	var stderr said // one network alone has races in the library, too: they would drown all else
	c.Stderr = &stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &peer{Client: rpc.NewClient(pipe{out, in}), t: t}
	t.Cleanup(func() {
		_ = p.Close()
		_ = c.Wait()
		if t.Failed() {
			t.Log(stderr.text.String())
		}
	})
	p.address = ask[string](p, "Connect", listen)
	return p
}

// ask has a peer do something, and returns its answer.
func ask[T any](p *peer, what string, with any) (answer T) {
	p.t.Helper()
	if err := p.Call("Peer."+what, with, &answer); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	return answer
}

func (p *peer) know(k Knowledge) { ask[Nothing](p, "Know", k) }

// until lets a peer know again and again, as a keeper does, until it has found out
// what it should.
func (p *peer) until(what string, k Knowledge, about string, is func(Sight) bool) Sight {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		p.know(k)
		s := ask[Sight](p, "Look", about)
		if is(s) {
			return s
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("never: %s: %+v", what, s)
		}
	}
}

func at(id, address string) persistence.Node { return persistence.Node{ID: id, Address: address} }

// nobodyAt is an address that nobody listens on.
func nobodyAt(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Pokes arrive, and a chain's owner answers for it, wherever it is.
func TestMessagesBetweenNodes(t *testing.T) {
	t.Parallel()
	one, two := startPeer(t, "127.0.0.1:0"), startPeer(t, "127.0.0.1:0")
	nodes := []persistence.Node{at("one.a", one.address), at("two.b", two.address)}
	owners := map[string]string{"ethereum": "two.b", "aptos": "one.a", "bsc": "three.c"}
	one.know(Knowledge{"one.a", nodes, owners})
	two.know(Knowledge{"two.b", nodes, owners})

	if ask[bool](two, "Poked", Nothing{}) {
		t.Error("two is poked by nobody")
	}
	ask[Nothing](one, "Poke", "two.b")
	for deadline := time.Now().Add(20 * time.Second); !ask[bool](two, "Poked", Nothing{}); {
		if time.Now().After(deadline) {
			t.Fatal("a poke does not arrive")
		}
	}
	for chain, want := range map[string]string{
		"ethereum": "ethereum: running by two.b at epoch 7",
		"aptos":    "aptos: running by one.a at epoch 7",
	} {
		if got := ask[string](one, "Chain", chain); got != want {
			t.Errorf("asked for %s: %s", chain, got)
		}
	}
	for _, chain := range []string{"bsc", "polygon"} { // its owner is not known; it has none
		var status string
		if err := one.Call("Peer.Chain", chain, &status); err == nil || err.Error() != ErrNoOwner.Error() {
			t.Errorf("asked for %s: %q, %v", chain, status, err)
		}
	}
	owners["ethereum"] = "one.a"
	one.know(Knowledge{"one.a", nodes, owners})
	if got, want := ask[string](one, "Chain", "ethereum"), "ethereum: running by one.a at epoch 7"; got != want {
		t.Errorf("after a move: %s", got)
	}
}

// Who cannot be reached twice in a row is unreachable, until it is reached.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	where := nobodyAt(t)
	one := startPeer(t, "127.0.0.1:0")
	k := Knowledge{Me: "one.a", Nodes: []persistence.Node{at("one.a", one.address), at("two.b", where)}}
	s := one.until("it fails once", k, "two.b", func(s Sight) bool { return s.Failures == 1 })
	if len(s.Unreachable) > 0 || s.Log != "" {
		t.Errorf("after one failure %v are unreachable: %s", s.Unreachable, s.Log)
	}
	s = one.until("it is unreachable", k, "two.b", func(s Sight) bool { return slices.Equal(s.Unreachable, []string{"two.b"}) })
	if s.Failures != 2 || !strings.Contains(s.Log, "see to its cluster.listen and cluster.advertise\" node=two.b address="+where) {
		t.Errorf("after %d failures it says %s", s.Failures, s.Log)
	}
	startPeer(t, where)
	s = one.until("it is reached", k, "two.b", func(s Sight) bool { return len(s.Unreachable) == 0 })
	if !strings.Contains(s.Log, "a node can be reached again\" node=two.b") || strings.Count(s.Log, "cannot be reached") != 1 {
		t.Errorf("it says %s", s.Log)
	}
}

// Who is gone while it cannot be reached is not said to be reached again.
func TestUnreachableGone(t *testing.T) {
	t.Parallel()
	one := startPeer(t, "127.0.0.1:0")
	k := Knowledge{Me: "one.a", Nodes: []persistence.Node{at("one.a", one.address), at("two.b", nobodyAt(t))}}
	failed := one.until("it is unreachable", k, "two.b", func(s Sight) bool { return len(s.Unreachable) > 0 })
	one.until("it is pinged again", k, "two.b", func(s Sight) bool { return s.Pinged.After(failed.Pinged) })
	one.know(Knowledge{Me: "one.a", Nodes: k.Nodes[:1]})
	time.Sleep(pingTimeout + time.Second) // that ping fails now, and nothing tells that it has
	if s := ask[Sight](one, "Look", "two.b"); len(s.Unreachable) > 0 || strings.Contains(s.Log, "can be reached again") {
		t.Errorf("%v are unreachable, and it says %s", s.Unreachable, s.Log)
	}
}

// Somebody else's answer from a node's address is none.
func TestSomebodyElseAnswers(t *testing.T) {
	t.Parallel()
	one, two := startPeer(t, "127.0.0.1:0"), startPeer(t, "127.0.0.1:0")
	two.know(Knowledge{Me: "two.b"})
	k := Knowledge{Me: "one.a", Nodes: []persistence.Node{at("one.a", one.address), at("three.c", two.address)}}
	s := one.until("it is unreachable", k, "three.c", func(s Sight) bool { return len(s.Unreachable) > 0 })
	if want := `reason="somebody else answers there, \"two.b\""`; !strings.Contains(s.Log, want) {
		t.Errorf("says %s, want %s", s.Log, want)
	}
}
