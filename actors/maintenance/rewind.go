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

// observers are the claimed documents of the observers of some of the chain's streams.
func (m *maintainer) observers(ctx context.Context, which Streams) ([]persistence.Actor, error) {
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
		if !which(a.Market, a.Stream) {
			continue
		}
		if a, err = m.claim(ctx, a, markets.Meaning{}); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (m *maintainer) claim(ctx context.Context, a persistence.Actor, meaning markets.Meaning) (persistence.Actor, error) {
	return m.store.Claim(ctx, persistence.Claim{
		ID: a.ID, Kind: a.Kind, Chain: a.Chain, Market: a.Market, Stream: a.Stream, Documents: a.Documents,
		Node: m.node, Epoch: m.epoch, Meaning: meaning,
	})
}

// writer claims a market's orders.
func (m *maintainer) writer(ctx context.Context, market string) (*projection.Writer, error) {
	a, err := m.claim(ctx, persistence.Actor{ID: m.chain + "/" + market + "/orders", Kind: "orders", Chain: m.chain, Market: market}, markets.Meaning{})
	if err != nil {
		return nil, err
	}
	ref := persistence.MarketRef{Chain: m.chain, Market: market}
	return projection.NewWriter(m.store, ref, projection.NewCache(), a.Ref(), a.Seq), nil
}

// ErrNothingToRewind says that no observer of the chain is beyond the height.
var ErrNothingToRewind = errors.New("nothing lies beyond that height")

// Streams says which streams of a chain are meant.
type Streams func(market, stream string) bool

// AllStreams are all streams of a chain.
func AllStreams(string, string) bool { return true }

// Rewind rolls a chain's documents and logs back to a height, as RewindStreams does.
func Rewind(ctx context.Context, store persistence.Store, node, chain string, height int64) error {
	return RewindStreams(ctx, store, node, chain, AllStreams, height)
}

// RewindStreams rolls the documents and logs of some of a chain's streams back to a height:
// each observer to the newest place of its trail at or below it. Started again, the node reads
// on from there. An interrupted rewind can be repeated. It returns ErrNothingToRewind where that
// is so.
func RewindStreams(ctx context.Context, store persistence.Store, node, chain string, which Streams, height int64) error {
	m, err := newMaintainer(ctx, store, node, chain)
	if err != nil {
		return err
	}
	observers, err := m.observers(ctx, which)
	if err != nil {
		return err
	}
	rewound := false
	for _, log := range observers {
		if log.Documents {
			continue
		}
		moved, err := m.rewind(ctx, &log, documentsOf(observers, log), height)
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
func (m *maintainer) rewind(ctx context.Context, log, documents *persistence.Actor, height int64) (bool, error) {
	observers := []*persistence.Actor{log}
	if documents != nil {
		observers = []*persistence.Actor{documents, log}
	}
	if err := m.finish(ctx, observers); err != nil {
		return false, err
	}
	to, ok := log.Trail.AtOrBelow(height)
	if !ok || log.Height() <= height || to == log.Place {
		return false, nil
	}
	for _, a := range observers {
		if a.Place != to && a.Reaches(to) || a == log {
			t := markets.Transition{Kind: markets.RollbackTransition, Chain: a.Chain, Market: a.Market, Stream: a.Stream, From: a.Place, To: to}
			if err := m.execute(ctx, a, t); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// finish finishes the interrupted transitions of a stream's observers.
func (m *maintainer) finish(ctx context.Context, observers []*persistence.Actor) error {
	for _, a := range observers {
		if interrupted, ok := projection.Interrupted(*a); ok {
			if err := m.execute(ctx, a, interrupted); err != nil {
				return err
			}
		}
	}
	return nil
}

// execute makes an observer's transition, in its place. Of documents that are rolled back no
// more is final than what is left.
func (m *maintainer) execute(ctx context.Context, a *persistence.Actor, t markets.Transition) error {
	e := projection.Execute(t, a.Ref(), a.Trail, a.Report)
	if t.Kind == markets.RollbackTransition {
		e.Report.Finalized = min(e.Report.Finalized, max(t.To.Height(), 0))
	}
	return m.commit(ctx, a, e, projection.Log{Portion: portion})
}

// commit makes an execution of the log or of documents durable.
func (m *maintainer) commit(ctx context.Context, a *persistence.Actor, e projection.Execution, log projection.Log) error {
	switch {
	case e.From == e.To:
	case !a.Documents:
		if err := log.Commit(ctx, m.store, e); err != nil {
			return err
		}
	default:
		w, err := m.writer(ctx, a.Market)
		if err != nil {
			return err
		}
		if err := w.Commit(ctx, e, portion); err != nil {
			return err
		}
	}
	a.Place, a.Trail, a.Report, a.Pending = e.To, e.Trail, e.Report, nil
	return nil
}
