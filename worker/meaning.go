package worker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// renew decodes or reads again the streams whose definition has changed, before the chains
// are followed. No other process may be running: it would use its own definitions.
func (w *Worker) renew(ctx context.Context) error {
	leases, err := persistence.Collect[persistence.Lease](ctx, w.store, persistence.Query{Collection: persistence.Leases})
	if err != nil {
		return fmt.Errorf("redecode: %w", err)
	}
	for _, c := range w.chains {
		node := w.opts.Config.Node
		for _, l := range leases {
			if l.Chain == c.Name { // the owner of a cluster's chain may be a node that is gone
				node = cmp.Or(l.Node, node)
			}
		}
		renewed, err := maintenance.Renew(ctx, w.store, node, c.Name, marketsOf(c))
		for _, r := range renewed {
			attributes := []any{"stream", c.Name + "/" + r.Market + "/" + r.Stream, "changed", strings.Join(r.Changed, ", ")}
			if r.Reread != nil {
				w.log.Info("the definition has changed: the stream is read again from its start", append(attributes, "reason", r.Reread)...)
			} else {
				w.log.Info("the definition has changed: the stream was decoded again from its log", append(attributes, "rawEvents", r.Decoded)...)
			}
		}
		if err != nil {
			return fmt.Errorf("redecode: %w", err)
		}
	}
	return nil
}

// logRemoved logs the streams of the chains that have documents but are no longer followed.
func (w *Worker) logRemoved(ctx context.Context) error {
	filter := persistence.Filter{Condition: persistence.Is("kind", "observer")}
	observers, err := persistence.Collect[persistence.Actor](ctx, w.store, persistence.Query{Collection: persistence.Actors, Filter: filter})
	if err != nil {
		return err
	}
	for _, c := range w.chains {
		for _, a := range observers {
			if a.Chain == c.Name && !a.Documents && a.Events+a.DeadLetters > 0 && !follows(c, a) {
				w.log.Warn("a stream is no longer followed, and its documents are no longer updated: add it again, or remove them with event-worker rewind "+a.Chain+"/"+a.Market+"/"+a.Stream+" --to 0",
					"stream", a.Chain+"/"+a.Market+"/"+a.Stream, "events", a.Events)
			}
		}
	}
	return nil
}

// follows reports whether an observer's stream is followed on a chain.
func follows(c actors.Chain, observer persistence.Actor) bool {
	return slices.ContainsFunc(c.Markets, func(m actors.Market) bool {
		return m.Name == observer.Market && slices.ContainsFunc(m.Streams, func(s markets.Stream) bool { return s.Name == observer.Stream })
	})
}

// marketsOf returns a chain's markets.
func marketsOf(c actors.Chain) (all []markets.Market) {
	for _, m := range c.Markets {
		all = append(all, m.Market)
	}
	return all
}
