package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imart/event-worker/internal/listener"
)

// Node serves a recording. It is an http.Handler. Its head begins where the recording says
// that following starts, and moves with Step, Finish or Run only.
type Node struct {
	recording *Recording
	handler   http.Handler
	at        atomic.Int64 // index of the head among the recording's heads

	mu       sync.Mutex
	requests map[string]int64
	moved    chan struct{} // closed when the head moves

	url    string
	server *http.Server
	done   chan struct{}
}

// NewNode returns a node that does not listen: a handler only.
func NewNode(r *Recording) *Node {
	n := &Node{recording: r, requests: map[string]int64{}, moved: make(chan struct{})}
	if r.Kind == Aptos {
		n.handler = n.rest()
	} else {
		n.handler = http.HandlerFunc(n.serveRPC)
	}
	return n
}

// Serve starts a node that listens on addr, such as 127.0.0.1:0, until the
// context ends or it is closed.
func Serve(ctx context.Context, addr string, r *Recording) (*Node, error) {
	on, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("replay node: %w", err)
	}
	n := NewNode(r)
	n.url = "http://" + on.Addr().String() + r.Base()
	n.server = NewServer(n)
	n.done = make(chan struct{})
	stop := context.AfterFunc(ctx, func() { _ = n.server.Close() })
	go func() {
		defer close(n.done)
		defer stop()
		_ = n.server.Serve(on) // ends with ErrServerClosed
	}()
	return n, nil
}

// maxConnections bounds the connections of a server: each may have a body of 1 MiB in
// memory, and what is decoded from it.
const maxConnections = 64

// NewServer returns a server with limits on how long requests may take, and how many
// clients may be connected. It listens nowhere yet.
func NewServer(h http.Handler) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	listener.Bound(s, maxConnections)
	return s
}

// Recording is what the node serves.
func (n *Node) Recording() *Recording { return n.recording }

// ServeHTTP answers one request.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) { n.handler.ServeHTTP(w, r) }

// URL is what a client is configured with: the JSON-RPC endpoint, or the base of
// the REST API with its /v1.
func (n *Node) URL() string { return n.url }

// Close stops listening and waits until it has.
func (n *Node) Close() error {
	if n.server == nil {
		return nil
	}
	err := n.server.Close()
	<-n.done
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Head is the height of the newest block, or ledger version, that is served.
func (n *Node) Head() int64 { return n.recording.heads[n.at.Load()] }

// End is the height at which the head ends.
func (n *Node) End() int64 { return n.recording.heads[len(n.recording.heads)-1] }

// Step moves the head on by one step. It reports false when it stands at the end.
func (n *Node) Step() bool {
	for {
		at := n.at.Load()
		if at == int64(len(n.recording.heads))-1 {
			return false
		}
		if n.at.CompareAndSwap(at, at+1) {
			n.move()
			return true
		}
	}
}

// Finish moves the head to the end.
func (n *Node) Finish() {
	n.at.Store(int64(len(n.recording.heads)) - 1)
	n.move()
}

// move wakes the requests that wait for a new head.
func (n *Node) move() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.moved)
	n.moved = make(chan struct{})
}

// headAndMoved is the head, and a channel that is closed when it has moved on.
func (n *Node) headAndMoved() (int64, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.Head(), n.moved
}

// Run moves the head on in intervals until it stands at the end or the context is
// done.
func (n *Node) Run(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if !n.Step() {
				return
			}
		}
	}
}

// Requests counts the calls so far, by method; those of a batch one by one. Aptos
// requests count as ledger, events and transactions.
func (n *Node) Requests() map[string]int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.requests)
}

func (n *Node) count(method string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests[method]++
}
