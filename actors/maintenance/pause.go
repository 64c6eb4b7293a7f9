package maintenance

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/persistence"
)

// ErrUnknownStream says that the data have no such stream.
var ErrUnknownStream = errors.New("no such stream")

func unknownStream(chain string) error {
	return fmt.Errorf("%w in %s: status lists them", ErrUnknownStream, chain)
}

// exists returns ErrUnknownStream for a market or a stream of which the data have no observer.
func (s Scope) exists(chain string, observers []persistence.Actor) error {
	if s.Market != "" && len(observers) == 0 {
		return unknownStream(chain)
	}
	return nil
}

// Pause marks streams as paused, or no longer, on the documents of their workers: actors read
// the mark when they start. It returns how many there are; known names streams that may have
// no documents yet.
func (m *Maintainer) Pause(ctx context.Context, of Scope, paused bool, known ...Scope) (int, error) {
	workers, err := persistence.Collect[persistence.Actor](ctx, m.store, persistence.Query{
		Collection: persistence.Actors,
		Filter:     persistence.Filter{Condition: append(of.filter(m.chain), persistence.Is("kind", "worker"))},
	})
	if err != nil {
		return 0, err
	}
	streams := map[Scope]bool{}
	for _, w := range workers {
		streams[Scope{w.Market, w.Stream}] = true
	}
	for _, s := range known {
		if of.Market == "" || s.Market == of.Market && (of.Stream == "" || s.Stream == of.Stream) {
			streams[s] = true
		}
	}
	if len(streams) == 0 {
		return 0, unknownStream(m.chain)
	}
	for s := range streams {
		_, err := m.store.Claim(ctx, persistence.Claim{
			ID: m.chain + "/" + s.Market + "/" + s.Stream, Kind: "worker", Chain: m.chain, Market: s.Market, Stream: s.Stream,
			Node: m.node, Epoch: m.epoch, Paused: &paused,
		})
		if err != nil {
			return 0, fmt.Errorf("marking %s/%s: %w", s.Market, s.Stream, err)
		}
	}
	return len(streams), nil
}
