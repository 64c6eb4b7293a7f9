package actors

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// beginning is the part of a worker: the supervisor of its stream's actors, once it is
// known where the stream begins. What was found out is on the worker's document before
// any of them has one: all of them begin there, whatever is found out later.
type beginning struct {
	supervisor
	worker worker
}

// begins says where the stream begins, which is on the worker's document.
type begins struct{ at markets.Place }

func (b *beginning) begin(l *life) {
	at := l.doc.Place
	switch {
	case at != (markets.Place{}):
		b.from(l, at)
	case b.worker.find == nil: // the document may be older than the places on it
		b.from(l, b.worker.start)
	default:
		ref := l.doc.Ref()
		l.do(func(ctx context.Context) any { return b.find(ctx, l.store, ref) })
	}
}

func (b *beginning) receive(l *life, message any) {
	if m, ok := message.(begins); ok {
		b.from(l, m.at)
		return
	}
	b.supervisor.receive(l, message)
}

// from starts the stream's actors at a place, those that have none yet.
func (b *beginning) from(l *life, at markets.Place) {
	w := b.worker
	w.start = at
	b.children = w.children
	b.supervisor.begin(l)
}

// find finds out where the stream begins, and writes it down.
func (b *beginning) find(ctx context.Context, store persistence.Store, worker persistence.ActorRef) any {
	begun, err := b.begun(ctx, store)
	if err != nil {
		return err
	}
	if begun { // by an earlier version: all of them have their places
		return begins{}
	}
	at, err := b.worker.find(ctx)
	if err != nil {
		return fmt.Errorf("finding out where the stream begins: %w", err)
	}
	if err := store.Report(ctx, worker, persistence.Report{Status: persistence.Running, Place: &at}); err != nil {
		return fmt.Errorf("writing down where the stream begins: %w", err)
	}
	return begins{at}
}

// begun says whether all of the stream's observers have documents.
func (b *beginning) begun(ctx context.Context, store persistence.Store) (bool, error) {
	claim := b.worker.claim("observer", activity)
	filter := persistence.Filter{Condition: persistence.And{
		persistence.Is("chain", claim.Chain), persistence.Is("market", claim.Market),
		persistence.Is("stream", claim.Stream), persistence.Is("kind", claim.Kind),
	}}
	known := map[string]bool{}
	for doc, err := range store.Query(ctx, persistence.Query{Collection: persistence.Actors, Filter: filter}) {
		var observer persistence.Actor
		if err == nil {
			err = json.Unmarshal(doc, &observer)
		}
		if err != nil {
			return false, fmt.Errorf("looking for the stream's observers: %w", err)
		}
		known[observer.ID] = true
	}
	return known[claim.ID] && (b.worker.Observer == "" || known[b.worker.claim("observer", b.worker.Observer).ID]), nil
}
