package worker

import (
	"slices"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/actors/currencies"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/persistence"
)

// askable returns the chain at an index if it answers contract calls, as recordings do not.
func (w *Worker) askable(i int) chains.Chain {
	if w.opts.Chains == nil && w.opts.Config.Chains[i].Recorded {
		return nil
	}
	return w.chains[i].Chain
}

// completing returns a chain that completes the currencies of its events: from the store
// and, unless askable is nil, by contract calls.
func completing(c actors.Chain, askable chains.Chain, store persistence.Store) actors.Chain {
	c.Markets = slices.Clone(c.Markets)
	if len(c.Markets) == 0 {
		return c
	}
	completer := currencies.New(c.Name, c.Markets[0].Kind, askable, store) // one for all markets
	for i := range c.Markets {
		if c.Markets[i].Complete == nil {
			c.Markets[i].Complete = completer.Complete
		}
	}
	return c
}
