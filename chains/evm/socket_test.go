package evm

import (
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/internal/chaintest"
)

// awaitHead waits until the chain announces a head.
func awaitHead(t *testing.T, chain *Chain) {
	t.Helper()
	select {
	case <-chain.Heads():
	case <-time.After(time.Minute):
		t.Fatal("no head is announced")
	}
}

// mineUntilAnnounced mines blocks until the chain announces one: until then it may not
// have subscribed.
func mineUntilAnnounced(t *testing.T, g *geth, chain *Chain) {
	t.Helper()
	for range 100 {
		g.mine(emission{contract: 0, topic: 0, data: []byte("log")})
		select {
		case <-chain.Heads():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatal("no head is announced")
}

// drops are connections to a node that can be closed.
type drops struct {
	url  string // of a WebSocket
	node string

	mu   sync.Mutex
	open []net.Conn
}

// startDrops passes connections on to a node until they are dropped.
func startDrops(t *testing.T, node string) *drops {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &drops{url: "ws://" + listener.Addr().String(), node: strings.TrimPrefix(node, "http://")}
	t.Cleanup(func() { listener.Close(); d.drop() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go d.pass(from)
		}
	}()
	return d
}

func (d *drops) pass(from net.Conn) {
	to, err := net.Dial("tcp", d.node)
	if err != nil {
		from.Close()
		return
	}
	d.mu.Lock()
	d.open = append(d.open, from, to)
	d.mu.Unlock()
	go io.Copy(from, to)
	io.Copy(to, from)
}

func (d *drops) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range d.open {
		conn.Close()
	}
	d.open = nil
}

// checkEvents reads all events of a source and compares them with the node's.
func checkEvents(t *testing.T, g *geth, chain *Chain, view *chains.View) {
	t.Helper()
	raws, to := chaintest.Drain(t.Context(), t, chain, view, sources[0], start, -1, 100)
	if want := g.logs(sources[0], 1); len(raws) != len(want) || len(want) == 0 || to != view.Head {
		t.Errorf("%d events up to %+v, the node has %d up to %+v", len(raws), to, len(want), view.Head)
	}
}

func TestAChainIsFollowedOverASocket(t *testing.T) {
	g := startGeth(t)
	d := startDrops(t, g.url)
	chain := open(t, d.url)
	mineUntilAnnounced(t, g, chain)
	g.mineBlocks(finality + 3)
	awaitHead(t, chain)
	view := advance(t, chain, nil, true)
	checkEvents(t, g, chain, view)

	before := chain.pool.All()[0].Connection()
	d.drop()
	for chain.pool.All()[0].Connection() == before {
		runtime.Gosched()
	}
	select { // a head that was announced before
	case <-chain.Heads():
	default:
	}
	mineUntilAnnounced(t, g, chain)
	checkEvents(t, g, chain, advance(t, chain, view, true))
	if n := chain.Endpoints()[0].Errors[endpoint.Other]; n != 0 {
		t.Errorf("%d errors that are not understood: %+v", n, chain.Endpoints()[0])
	}
}
