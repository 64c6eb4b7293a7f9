package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/imart/event-worker/chains/replay"
)

// endpointNode is a recorded node behind a provider's latency and range cap, which it
// reports as one of them does.
type endpointNode struct {
	latency time.Duration // of each request, whatever its content
	most    int64         // blocks in one eth_getLogs
	sparse  int64         // blocks of a sparse chain; 0: the dense one
	stretch int64         // blocks for each event of the sparse chain
	steps   int64         // how far below its end the sparse chain's head starts
}

func (n *endpointNode) flags() {
	flag.DurationVar(&n.latency, "node-latency", 0, "for the program's own processes")
	flag.Int64Var(&n.most, "node-cap", 0, "for the program's own processes")
	flag.Int64Var(&n.sparse, "node-sparse", 0, "for the program's own processes")
	flag.Int64Var(&n.stretch, "node-stretch", 1, "for the program's own processes")
	flag.Int64Var(&n.steps, "node-steps", 0, "for the program's own processes")
}

func (n *endpointNode) args() []string {
	return []string{"-node-latency", n.latency.String(), "-node-cap", fmt.Sprint(n.most),
		"-node-sparse", fmt.Sprint(n.sparse), "-node-stretch", fmt.Sprint(n.stretch), "-node-steps", fmt.Sprint(n.steps)}
}

func (n *endpointNode) recording(o options) *replay.Recording {
	r := replay.Synthetic(o.listings, o.sales)
	if n.sparse > 0 {
		r = replay.Sparse(n.sparse, n.stretch, n.steps)
	}
	r.Limits = replay.Limits{Blocks: n.most, Logs: r.Limits.Logs, Refusal: fmt.Sprintf("eth_getLogs is limited to a %d block range", n.most)}
	return r
}

// serve is the node's process: it prints its address.
func (n *endpointNode) serve(ctx context.Context, o options) error {
	node := replay.NewNode(n.recording(o))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := replay.NewServer(n.handler(node))
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Println("http://" + listener.Addr().String())
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// The node's control paths, in addition to the chain's.
const (
	askedPath = "/asked" // the counters
	stepPath  = "/step"  // moves the head by one block
)

func (n *endpointNode) handler(node *replay.Node) http.Handler {
	var requests atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		time.Sleep(n.latency)
		node.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET "+askedPath, func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(asked{requests.Load(), node.Requests()})
	})
	mux.HandleFunc("POST "+stepPath, func(w http.ResponseWriter, r *http.Request) {
		if !node.Step() {
			http.Error(w, "the head is at the end", http.StatusConflict)
		}
	})
	return mux
}

// asked counts the requests to a node.
type asked struct {
	Requests int64            // HTTP
	Calls    map[string]int64 // by method
}

func (a asked) logs() int64 { return a.Calls["eth_getLogs"] }

func (a asked) headers() int64 {
	return a.Calls["eth_getBlockByNumber"] + a.Calls["eth_getBlockByHash"]
}

func (a asked) since(before asked) asked {
	calls := map[string]int64{}
	for method, n := range a.Calls {
		calls[method] = n - before.Calls[method]
	}
	return asked{a.Requests - before.Requests, calls}
}

// askedOf reads a node's counters.
func askedOf(ctx context.Context, node string) (a asked, err error) {
	response, err := send(ctx, http.MethodGet, node+askedPath)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	return a, json.NewDecoder(response.Body).Decode(&a)
}

// step moves a node's head by one block.
func step(ctx context.Context, node string) error {
	response, err := send(ctx, http.MethodPost, node+stepPath)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func send(ctx context.Context, method, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return response, nil
}
