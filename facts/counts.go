package facts

import (
	"context"
	"sync/atomic"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// Counts are the numbers of questions about a market's orders since the process started.
type Counts struct {
	Orders int64 // that contracts were asked about, each as often as that
	Calls  int64 // of contracts, before they are put together
	// Turns are the orders asked about in slow rounds, and Differed those of them of which
	// the contracts said something else than the documents, although no log had told.
	Turns, Differed int64
}

// counters are Counts that rise.
type counters struct{ orders, calls, turns, differed atomic.Int64 }

func (c *counters) counts() Counts {
	return Counts{Orders: c.orders.Load(), Calls: c.calls.Load(), Turns: c.turns.Load(), Differed: c.differed.Load()}
}

// Counts are those of each market, by its name.
func (c *Chain) Counts() map[string]Counts {
	all := map[string]Counts{}
	for name, r := range c.readers {
		all[name] = r.counters.counts()
	}
	return all
}

// countedAsker counts the calls that it makes.
type countedAsker struct {
	Asker
	calls *atomic.Int64
}

// Call implements chains.Caller.
func (a countedAsker) Call(ctx context.Context, at markets.Place, calls []chains.ContractCall) ([]chains.CallResult, error) {
	a.calls.Add(int64(len(calls)))
	return a.Asker.Call(ctx, at, calls)
}
