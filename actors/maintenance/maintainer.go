package maintenance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

const defaultPortion = 4000

// Maintainer makes transitions of a chain's documents in place of the chain's actors, at an
// epoch of the chain's lease. Every claim of an actor's document is a new incarnation: the
// actors' own commits fail from then on, and once the epoch is no longer the chain's, so do
// the Maintainer's, with persistence.ErrFenced.
type Maintainer struct {
	// Progress, if set, is told how far the work is.
	Progress func(step string, done, total int64)
	// Portion is how many documents one commit changes at most, about; 4000 if it is 0.
	Portion int

	store persistence.Store
	node  string
	chain string
	epoch int64
}

// Own returns a Maintainer of a chain that is owned already.
func Own(store persistence.Store, owned persistence.Lease) *Maintainer {
	return &Maintainer{store: store, node: owned.Node, chain: owned.Chain, epoch: owned.Epoch}
}

// TakeOver takes a chain over for a node, and returns a Maintainer of it.
func TakeOver(ctx context.Context, store persistence.Store, node, chain string) (*Maintainer, error) {
	epoch, err := store.TakeOver(ctx, chain, node)
	if err != nil {
		return nil, fmt.Errorf("taking over %s: %w", chain, err)
	}
	return Own(store, persistence.Lease{Chain: chain, Node: node, Epoch: epoch}), nil
}

// Scope restricts work to a market or a stream; the zero Scope is the whole chain.
type Scope struct{ Market, Stream string }

func (s Scope) filter(chain string) persistence.And {
	conditions := persistence.And{persistence.Is("chain", chain)}
	if s.Market != "" {
		conditions = append(conditions, persistence.Is("market", s.Market))
	}
	if s.Stream != "" {
		conditions = append(conditions, persistence.Is("stream", s.Stream))
	}
	return conditions
}

func (m *Maintainer) portion() int { return cmp.Or(m.Portion, defaultPortion) }

func (m *Maintainer) progress(step string, done, total int) {
	if m.Progress != nil {
		m.Progress(step, int64(done), int64(total))
	}
}

// observers are the claimed documents of the observers in a scope. A crash in the middle of
// the replacement of an observer of documents leaves two of them, at the same place: one is
// retired, and the next start replaces the other again if it must.
func (m *Maintainer) observers(ctx context.Context, of Scope) (observers []persistence.Actor, err error) {
	found, err := observersOf(ctx, m.store, m.chain, of)
	if err != nil {
		return nil, err
	}
	for _, a := range found {
		second := a.Documents && documentsOf(observers, a) != nil
		if second {
			a.Kind, a.Documents = persistence.RetiredKind, false
		}
		if a, err = m.claim(ctx, a); err != nil {
			return nil, err
		}
		if !second {
			observers = append(observers, a)
		}
	}
	return observers, nil
}

func observersOf(ctx context.Context, docs persistence.Querier, chain string, of Scope) ([]persistence.Actor, error) {
	return persistence.Collect[persistence.Actor](ctx, docs, persistence.Query{
		Collection: persistence.Actors,
		Filter:     persistence.Filter{Condition: append(of.filter(chain), persistence.Is("kind", "observer"))},
		Sort:       []persistence.SortKey{{Path: "_id"}},
	})
}

func (m *Maintainer) claim(ctx context.Context, a persistence.Actor) (persistence.Actor, error) {
	return m.claimUnder(ctx, a, markets.Meaning{})
}

// claimUnder claims the document of a log with the meaning of the stream's present definition.
func (m *Maintainer) claimUnder(ctx context.Context, a persistence.Actor, meaning markets.Meaning) (persistence.Actor, error) {
	return m.store.Claim(ctx, persistence.Claim{
		ID: a.ID, Kind: a.Kind, Chain: a.Chain, Market: a.Market, Stream: a.Stream, Documents: a.Documents,
		Node: m.node, Epoch: m.epoch, Meaning: meaning,
	})
}

// writer claims a market's orders.
func (m *Maintainer) writer(ctx context.Context, market string) (*projection.Writer, error) {
	a, err := m.claim(ctx, persistence.Actor{ID: m.chain + "/" + market + "/orders", Kind: "orders", Chain: m.chain, Market: market})
	if err != nil {
		return nil, err
	}
	ref := persistence.MarketRef{Chain: m.chain, Market: market}
	return projection.NewWriter(m.store, ref, projection.NewCache(), a.Ref(), a.Seq), nil
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

// finish finishes the transition that was interrupted when an observer's document was last
// written, if there is one.
func (m *Maintainer) finish(ctx context.Context, a *persistence.Actor) error {
	interrupted, ok := projection.Interrupted(*a)
	if !ok {
		return nil
	}
	return m.execute(ctx, a, interrupted)
}

// align brings a stream's documents to where its log is, whose observer is ahead of theirs
// whenever the actors stop: the events in between are in the log.
func (m *Maintainer) align(ctx context.Context, log, documents *persistence.Actor) error {
	if err := m.finish(ctx, log); err != nil || documents == nil {
		return err
	}
	if err := m.finish(ctx, documents); err != nil {
		return err
	}
	for _, to := range append(log.Trail[:len(log.Trail):len(log.Trail)], log.Place) { // in portions of memory
		if to.Seq < documents.Seq || to == documents.Place {
			continue
		}
		t := markets.Transition{
			Kind: markets.ResumeTransition, Chain: log.Chain, Market: log.Market, Stream: log.Stream, From: documents.Place, To: to,
		}
		if err := m.execute(ctx, documents, t); err != nil {
			return err
		}
	}
	return nil
}

// execute executes a transition in place of an observer. After a rollback, nothing above
// its end is final.
func (m *Maintainer) execute(ctx context.Context, a *persistence.Actor, t markets.Transition) error {
	e := projection.Execute(t, a.Ref(), a.Trail, a.Report)
	if t.Kind == markets.RollbackTransition {
		e.Report.Finalized = min(e.Report.Finalized, max(t.To.Height(), 0))
	}
	return m.commit(ctx, a, e, projection.Log{Portion: m.portion()})
}

// commit makes an execution of the log or of documents durable.
func (m *Maintainer) commit(ctx context.Context, a *persistence.Actor, e projection.Execution, log projection.Log) error {
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
		if err := w.Commit(ctx, e, m.portion()); err != nil {
			return err
		}
	}
	a.Place, a.Trail, a.Report, a.Pending = e.To, e.Trail, e.Report, nil
	return nil
}

// each calls f for the entries of a collection in a scope.
func each[T any](ctx context.Context, docs persistence.Querier, collection string, where persistence.Condition, f func(T) error) error {
	for doc, err := range docs.Query(ctx, persistence.Query{Collection: collection, Filter: persistence.Filter{Condition: where}}) {
		if err != nil {
			return err
		}
		var entry T
		if err := json.Unmarshal(doc, &entry); err != nil {
			return fmt.Errorf("%s: %w", collection, err)
		}
		if err := f(entry); err != nil {
			return err
		}
	}
	return nil
}
