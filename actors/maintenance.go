package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Maintenance of a store whose node is stopped. It takes the chain over first: a
// node that runs all the same is fenced off and stops following the chain.

// maintainer does on a chain's documents, by hand, what its actors do.
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
func (m *maintainer) writer(ctx context.Context, market string) (*writer, error) {
	ref := persistence.MarketRef{Chain: m.chain, Market: market}
	a, err := m.claim(ctx, persistence.Actor{ID: m.chain + "/" + market + "/orders", Kind: "orders", Chain: m.chain, Market: market})
	if err != nil {
		return nil, err
	}
	return &writer{m.store, ref, newMemory(), a.Ref(), a.Seq}, nil
}

// ErrNothingToRewind says that no observer of the chain stands beyond the height.
var ErrNothingToRewind = errors.New("nothing lies beyond that height")

// Rewind takes a chain's documents and logs back to a height: each observer goes
// to the newest place at or below it that it remembers. Started again, the node
// reads on from there. An interrupted Rewind can be repeated.
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

// rewind takes a stream back to a height, its documents before its log, and says
// whether it stood beyond. Where the documents go is on the log's trail too: they
// are never ahead of it.
func (m *maintainer) rewind(ctx context.Context, log persistence.Actor, documents *persistence.Actor, height int64) (bool, error) {
	observers := []*persistence.Actor{&log}
	if documents != nil {
		observers = []*persistence.Actor{documents, &log}
	}
	for _, a := range observers {
		if a.Pending != nil { // what was begun is finished first
			if err := m.make(ctx, a, *a.Pending); err != nil {
				return false, err
			}
		}
	}
	to, ok := newest(log.Trail, height)
	if !ok || log.Height() <= height || to == log.Place {
		return false, nil
	}
	for _, a := range observers {
		if a.Seq > to.Seq || a == &log {
			if err := m.make(ctx, a, to); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// newest is the newest place of a trail at or below a height, or else its oldest.
func newest(trail markets.Trail, height int64) (markets.Place, bool) {
	if len(trail) == 0 {
		return markets.Place{}, false
	}
	to := trail[0]
	for _, p := range trail {
		if p.Height() <= height {
			to = p
		}
	}
	return to, true
}

// make takes an observer to a place.
func (m *maintainer) make(ctx context.Context, a *persistence.Actor, to markets.Place) error {
	t := transition{observer: a.Ref(), from: a.Place, to: to, trail: trailTo(a.Trail, a.Place, to), report: a.Report}
	if err := m.commit(ctx, a, t); err != nil {
		return err
	}
	a.Place, a.Trail, a.Pending = to, t.trail, nil
	return nil
}

func (m *maintainer) commit(ctx context.Context, a *persistence.Actor, t transition) error {
	if t.from == t.to {
		return nil
	}
	s := stream{Stream: markets.Stream{Name: a.Stream}, market: persistence.MarketRef{Chain: a.Chain, Market: a.Market}, Tuning: DefaultTuning}
	if !a.Documents {
		return logProjection{s}.truncate(ctx, m.store, t)
	}
	w, err := m.writer(ctx, a.Market)
	if err != nil {
		return err
	}
	return w.commit(ctx, &request{transition: t, stream: s})
}

// ErrNotYet says that a dead letter cannot be retried yet.
var ErrNotYet = errors.New("not yet")

// ErrUndecodable says that a dead letter is not to be decoded yet.
var ErrUndecodable = errors.New("still cannot be decoded")

// Retry decodes a dead letter again. Once it can be decoded, its events enter the
// log, it leaves the dead letters, and the documents it concerns are folded again,
// all in one transaction. The stream's documents must have come past it.
func Retry(ctx context.Context, store persistence.Store, node string, s markets.Stream, letter markets.DeadLetter) error {
	events, err := decodeAgain(s, letter)
	if err != nil {
		return fmt.Errorf("dead letter %s %w: %w", letter.ID(), ErrUndecodable, err)
	}
	m, err := newMaintainer(ctx, store, node, letter.Chain)
	if err != nil {
		return err
	}
	observers, err := m.observers(ctx)
	if err != nil {
		return err
	}
	w, err := m.writer(ctx, letter.Market)
	if err != nil {
		return err
	}
	moves := []persistence.Move{w.move()}
	for _, a := range observers {
		if a.Market != letter.Market || a.Stream != letter.Stream {
			continue
		}
		if a.Seq < letter.Seq || a.Pending != nil {
			return fmt.Errorf("dead letter %s: %s has not come past it: %w", letter.ID(), a.ID, ErrNotYet)
		}
		move := persistence.Move{Actor: a.Ref(), From: a.Place, To: a.Place, Events: int64(len(events)), Report: a.Report}
		if !a.Documents {
			move.DeadLetters = -1
		}
		moves = append(moves, move)
	}
	return store.Commit(ctx, w.market, moves, func(tx persistence.Tx) error { return enter(tx, s, letter, events) })
}

// decodeAgain decodes the letter's transaction as a whole and keeps what the
// letter itself has become.
func decodeAgain(s markets.Stream, letter markets.DeadLetter) ([]markets.Event, error) {
	var transaction []markets.Raw
	if err := json.Unmarshal(letter.Raw, &transaction); err != nil {
		return nil, err
	}
	for _, raw := range transaction {
		if raw.Left > 0 {
			return nil, fmt.Errorf("its raw form is not whole: %d bytes are left out", raw.Left)
		}
	}
	events, failures := s.DecodeAll(transaction)
	for _, f := range failures {
		if f.Raw.Position == letter.Position {
			return nil, f.Reason
		}
	}
	var own []markets.Event
	for _, e := range events {
		p := e.Position
		p.Sub = letter.Position.Sub
		if p == letter.Position {
			own = append(own, e)
		}
	}
	return own, nil
}

// enter puts late events where they belong.
func enter(tx persistence.Tx, s markets.Stream, letter markets.DeadLetter, events []markets.Event) error {
	found, err := tx.RemoveDeadLetter(letter.ID())
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("dead letter %s is gone", letter.ID())
	}
	activities := make([]markets.Activity, len(events))
	for i, e := range events {
		activities[i] = markets.Activity{Chain: letter.Chain, Market: letter.Market, Event: e}
	}
	if err := (logProjection{stream{Stream: s}}).enter(tx, activities, nil); err != nil {
		return err
	}
	places, err := tx.Places()
	if err != nil {
		return err
	}
	at := places[letter.Stream]
	t := markets.Transition{Chain: letter.Chain, Market: letter.Market, Stream: letter.Stream, From: at, To: at, Events: events}
	for c := (markets.Cursor{}); !c.Done; {
		if c, err = t.Step(tx, c, DefaultTuning.Portion); err != nil {
			return err
		}
	}
	return nil
}
