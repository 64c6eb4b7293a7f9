package monitor

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/facts"
)

var (
	marketLabels = []string{"chain", "market"}

	factsOrders = counter("event_worker_facts_orders_total",
		"Orders that contracts were asked about, each as often as that.", marketLabels...)
	factsCalls = counter("event_worker_facts_calls_total",
		"Calls of contracts; many go into one request.", marketLabels...)
	factsTurns = counter("event_worker_facts_round_orders_total",
		"Orders asked about in slow rounds, which nothing on the chain demands.", marketLabels...)
	factsDiffered = counter("event_worker_facts_round_differed_total",
		"Orders of slow rounds of which the contracts said something else than the documents.", marketLabels...)
)

// counted is implemented by chains that read facts.
type counted interface {
	Counts() map[string]facts.Counts
}

// asked collects the contract calls on owned chains.
type asked struct {
	owned func(chain string) bool

	mu     sync.Mutex
	chains map[string]counted
}

func newAsked(owned func(chain string) bool) *asked {
	return &asked{owned: owned, chains: map[string]counted{}}
}

func (a *asked) add(name string, chain chains.Chain) {
	if c, ok := chain.(counted); ok {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.chains[name] = c
	}
}

// Describe implements prometheus.Collector.
func (a *asked) Describe(to chan<- *prometheus.Desc) {
	for _, f := range []metric{factsOrders, factsCalls, factsTurns, factsDiffered} {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (a *asked) Collect(to chan<- prometheus.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, chain := range a.chains {
		if !a.owned(name) {
			continue
		}
		for market, n := range chain.Counts() {
			to <- factsOrders.of(n.Orders, name, market)
			to <- factsCalls.of(n.Calls, name, market)
			to <- factsTurns.of(n.Turns, name, market)
			to <- factsDiffered.of(n.Differed, name, market)
		}
	}
}
