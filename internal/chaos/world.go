package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/imart/event-worker/internal/devnet"
)

// world is the chains, which live in this process, and their JSON-RPC server.
type world struct {
	chains []*devnet.Chain
	r      *rand.Rand
	pace   time.Duration // mean time between two blocks of a chain
	url    string
	blocks int // mined so far, and the reorganisations among them
	reorgs int
}

// startWorld creates chains of some blocks each and serves them until the context ends.
func startWorld(ctx context.Context, seed uint64, chains int, pace time.Duration) (*world, error) {
	w := &world{r: rand.New(rand.NewPCG(seed, 1)), pace: pace}
	mux := http.NewServeMux()
	for i := range chains {
		c := devnet.NewChain(fmt.Sprintf("chain-%02d", i+1), uint64(1000+i))
		handler, err := devnet.Serve(c)
		if err != nil {
			return nil, err
		}
		mux.Handle("/"+c.Name, handler)
		w.chains = append(w.chains, c)
		for range devnet.Finality + w.r.IntN(3*devnet.Finality) {
			c.Mine(w.r)
		}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.url = "http://" + listener.Addr().String()
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }() // returns when the server is closed
	return w, nil
}

// run mines on all chains until the context ends.
func (w *world) run(ctx context.Context) {
	tick := time.NewTicker(w.pace / time.Duration(len(w.chains)))
	defer tick.Stop()
	for next := 0; ; next++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			i := next % len(w.chains)
			w.blocks++
			if w.chains[i].Grow(w.r) > 0 {
				w.reorgs++
			}
		}
	}
}
