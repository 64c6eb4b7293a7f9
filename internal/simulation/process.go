package simulation

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/actors/requests"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/chains/faults"
	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// process is a worker from its start to its end. Its state is changed by the world's steps.
type process struct {
	world  *world
	worker string // its name in the cluster
	name   string // in the trace

	dead    bool      // killed
	cut     bool      // off from the server
	offline bool      // cut off from the chains' nodes and the webhook's receiver
	lossy   bool      // answers of the server may be lost
	frozen  time.Time // until when it does nothing

	node    *actors.Node
	chains  []actors.Chain
	proxies []*faults.Proxy
	leave   context.CancelFunc
	left    chan struct{} // closed when all of it has ended
}

// The settings of a worker: those of production, except that finality violations are
// confirmed sooner.
const (
	clusterPoll = 2 * time.Second
	clusterTTL  = 10 * time.Second
	chainPoll   = 4 * time.Second
	confirm     = 30 * time.Second
)

// title is the process's name in a trace.
func (p *process) title() string {
	if p == nil {
		return "world"
	}
	return p.name
}

// losing draws whether an answer is lost.
func (p *process) losing() bool { return p.lossy && p.world.r.IntN(4) == 0 }

// boot starts a worker as the worker package does.
func (w *world) boot(name string) (*process, error) {
	w.starts++
	p := &process{world: w, worker: name, name: fmt.Sprintf("%s#%d", name, w.starts), left: make(chan struct{})}
	log := p.log()
	for _, m := range w.models {
		c, err := p.open(m, log)
		if err != nil {
			return nil, err
		}
		p.chains = append(p.chains, c)
	}
	server := &line{of: p, user: "actors: "}
	node, err := actors.Start(actors.Config{
		Node: name, Store: server, Log: log, Chains: p.chains, Tuning: actors.DefaultTuning, Placed: true,
		Schedule: func(key string, run func()) {
			go func() {
				_ = w.await(context.Background(), p, key, computing)
				run()
			}()
		},
	})
	if err != nil {
		return nil, err
	}
	p.node = node
	executor := requests.New(requests.Config{
		Queue: server.by("requests: "), Store: server.by("requests: "), Host: node, Markets: marketsOf(p.chains), Log: log, Poll: clusterPoll,
	})
	coordinator := cluster.New(cluster.Config{
		Registry: server.by("coordinator: "), Host: host{executor, node}, Node: p.describe(), Poll: clusterPoll, TTL: clusterTTL, Log: log, Changed: executor.Wake,
	})
	p.run(executor, coordinator)
	return p, nil
}

// run runs what follows the chains, until the process leaves.
func (p *process) run(executor *requests.Executor, coordinator *cluster.Coordinator) {
	ctx, leave := context.WithCancel(context.Background())
	executing, stop := context.WithCancel(context.Background())
	p.leave = leave
	deliverer := p.deliverer()
	var beside sync.WaitGroup
	beside.Go(func() { executor.Run(executing) })
	beside.Go(func() { deliverer.Run(ctx) })
	go func() {
		defer close(p.left)
		_ = coordinator.Run(ctx)
		stop()
		beside.Wait()
		_ = p.node.Stop(context.Background())
		for _, c := range p.chains {
			c.Chain.Close()
		}
		for _, proxy := range p.proxies {
			proxy.Close()
		}
	}()
}

// host is what the coordinator places chains on.
type host struct {
	*requests.Executor
	node *actors.Node
}

// Trust implements cluster.Host.
func (h host) Trust(until time.Time) { h.node.Trust(until) }

// Lost implements cluster.Host.
func (h host) Lost() <-chan actors.Loss { return h.node.Lost() }

// describe is the process as the other nodes see it.
func (p *process) describe() persistence.Node {
	n := persistence.Node{Name: p.worker, Version: "simulated"}
	for _, c := range p.chains {
		n.Chains = append(n.Chains, persistence.NodeChain{Name: c.Name, Network: "evm", Config: "same"})
	}
	return n
}

// unreliable are the profiles of faults from which the second node's is drawn. None of them
// omits a log that no bloom reveals: such an omission is not detected.
var unreliable = []string{
	"none", "balancer", "lagging", "logs-missing-once", "logs-null", "batch-partial", "batch-order", "rate-in-batch",
	"tight-range-cap", "no-finality", "odd-fields",
}

// open opens a chain: through two nodes, the second of which is unreliable.
func (p *process) open(m devnet.Model, log *slog.Logger) (actors.Chain, error) {
	market := markets.Market{Name: m.Market.Name, Streams: m.Market.Streams}
	cfg := evm.Config{ChainID: m.Chain.ID, Timeout: 5 * time.Second, ConfirmViolations: confirm, Log: log}
	for _, s := range market.Streams {
		cfg.Sources = append(cfg.Sources, s.Source)
	}
	for i, profile := range []string{"none", unreliable[p.world.r.IntN(len(unreliable))]} {
		node, err := p.endpoint(m, profile)
		if err != nil {
			return actors.Chain{}, err
		}
		host := fmt.Sprintf("%s-%d", m.Chain.Name, i+1)
		cfg.Endpoints = append(cfg.Endpoints, chains.Endpoint{URL: "http://" + host, Transport: &transport{p, node}})
	}
	chain, err := evm.New(cfg)
	if err != nil {
		return actors.Chain{}, err
	}
	return actors.Chain{Name: m.Chain.Name, Chain: chain, Poll: chainPoll, Markets: []actors.Market{{
		Market: market, Start: func(string) markets.Place { return markets.Place{} },
	}}}, nil
}

// endpoint is a node of a chain with the faults of a profile.
func (p *process) endpoint(m devnet.Model, profile string) (http.Handler, error) {
	upstream, err := devnet.Serve(m.Chain)
	if err != nil {
		return nil, err
	}
	faulty := p.world.profiles[slices.IndexFunc(p.world.profiles, func(of *faults.Profile) bool { return of.Name == profile })]
	proxy, err := faults.New(faulty, p.world.r.Uint64(), upstream, faults.Options{})
	if err != nil {
		return nil, err
	}
	p.proxies = append(p.proxies, proxy)
	return proxy, nil
}

// log is the process's log, for a person who looks at one run.
func (p *process) log() *slog.Logger {
	var out io.Writer = io.Discard
	if os.Getenv("EVENT_WORKER_TEST_LOG") != "" {
		out = os.Stderr
	}
	return slog.New(slog.NewTextHandler(out, nil)).With("worker", p.name)
}

func marketsOf(all []actors.Chain) map[string][]markets.Market {
	of := map[string][]markets.Market{}
	for _, c := range all {
		for _, m := range c.Markets {
			of[c.Name] = append(of[c.Name], m.Market)
		}
	}
	return of
}
