package maintenance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// portion is how many documents one commit changes at most, about.
const portion = 4000

// maintainer makes transitions of a chain's documents in place of the chain's actors.
type maintainer struct {
	store persistence.Store
	node  string
	chain string
	epoch int64
}

func newMaintainer(ctx context.Context, store persistence.Store, node, chain string) (*maintainer, error) {
	epoch, err := store.TakeOver(ctx, chain, node)
	if err != nil {
		return nil, fmt.Errorf("taking over %s: %w", chain, err)
	}
	return &maintainer{store, node, chain, epoch}, nil
}

// observers are the claimed documents of the chain's observers.
func (m *maintainer) observers(ctx context.Context) ([]persistence.Actor, error) {
	filter := persistence.Filter{Condition: persistence.And{persistence.Is("chain", m.chain), persistence.Is("kind", "observer")}}
	var out []persistence.Actor
	byID := []persistence.SortKey{{Path: "_id"}}
	for doc, err := range m.store.Query(ctx, persistence.Query{Collection: persistence.Actors, Filter: filter, Sort: byID}) {
		if err != nil {
			return nil, err
		}
		var a persistence.Actor
		if err := json.Unmarshal(doc, &a); err != nil {
			return nil, err
		}
		if a, err = m.claim(ctx, a); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (m *maintainer) claim(ctx context.Context, a persistence.Actor) (persistence.Actor, error) {
	return m.store.Claim(ctx, persistence.Claim{
		ID: a.ID, Kind: a.Kind, Chain: a.Chain, Market: a.Market, Stream: a.Stream, Documents: a.Documents,
		Node: m.node, Epoch: m.epoch,
	})
}

// writer claims a market's orders.
func (m *maintainer) writer(ctx context.Context, market string) (*projection.Writer, error) {
	a, err := m.claim(ctx, persistence.Actor{ID: m.chain + "/" + market + "/orders", Kind: "orders", Chain: m.chain, Market: market})
	if err != nil {
		return nil, err
	}
	ref := persistence.MarketRef{Chain: m.chain, Market: market}
	return projection.NewWriter(m.store, ref, projection.NewCache(), a.Ref(), a.Seq), nil
}

// ErrNothingToRewind says that no observer of the chain is beyond the height.
var ErrNothingToRewind = errors.New("nothing lies beyond that height")

// Rewind rolls a chain's documents and logs back to a height: each observer to the newest
// place of its trail at or below it. Started again, the node reads on from there. An
// interrupted Rewind can be repeated. It returns ErrNothingToRewind where that is so.
func Rewind(ctx context.Context, store persistence.Store, node, chain string, height int64) error {
	m, err := newMaintainer(ctx, store, node, chain)
	if err != nil {
		return err
	}
	observers, err := m.observers(ctx)
	if err != nil {
		return err
	}
	rewound := false
	for _, log := range observers {
		if log.Documents {
			continue
		}
		moved, err := m.rewind(ctx, log, documentsOf(observers, log), height)
		if err != nil {
			return fmt.Errorf("rewinding %s: %w", log.ID, err)
		}
		rewound = rewound || moved
	}
	if !rewound {
		return fmt.Errorf("%s at %d: %w", chain, height, ErrNothingToRewind)
	}
	return nil
}

// documentsOf is the observer of documents beside the log's, if there is one.
func documentsOf(observers []persistence.Actor, log persistence.Actor) *persistence.Actor {
	for i, a := range observers {
		if a.Documents && a.Market == log.Market && a.Stream == log.Stream {
			return &observers[i]
		}
	}
	return nil
}

// rewind rolls a stream back to a height, its documents before its log (P5), and says
// whether it was beyond. The place where the documents go is on the log's trail too: the
// documents are never ahead of the log.
func (m *maintainer) rewind(ctx context.Context, log persistence.Actor, documents *persistence.Actor, height int64) (bool, error) {
	observers := []*persistence.Actor{&log}
	if documents != nil {
		observers = []*persistence.Actor{documents, &log}
	}
	for _, a := range observers {
		if interrupted, ok := projection.Interrupted(*a); ok { // is finished first
			if err := m.execute(ctx, a, interrupted); err != nil {
				return false, err
			}
		}
	}
	to, ok := log.Trail.AtOrBelow(height)
	if !ok || log.Height() <= height || to == log.Place {
		return false, nil
	}
	for _, a := range observers {
		if a.Seq > to.Seq || a == &log {
			t := markets.Transition{Kind: markets.RollbackTransition, Chain: a.Chain, Market: a.Market, Stream: a.Stream, From: a.Place, To: to}
			if err := m.execute(ctx, a, t); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// execute makes an observer's transition, in its place.
func (m *maintainer) execute(ctx context.Context, a *persistence.Actor, t markets.Transition) error {
	e := projection.Execute(t, a.Ref(), a.Trail, a.Report)
	if err := m.commit(ctx, a, e); err != nil {
		return err
	}
	a.Place, a.Trail, a.Pending = e.To, e.Trail, nil
	return nil
}

func (m *maintainer) commit(ctx context.Context, a *persistence.Actor, e projection.Execution) error {
	switch {
	case e.From == e.To:
		return nil
	case !a.Documents:
		return projection.Log{Portion: portion}.Commit(ctx, m.store, e)
	}
	w, err := m.writer(ctx, a.Market)
	if err != nil {
		return err
	}
	return w.Commit(ctx, e, portion)
}
