package maintenance

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/actors/batch"
	"github.com/imart/event-worker/actors/currencies"
	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// ErrNotYet says that a dead letter cannot be retried yet: an observer has not come past it.
var ErrNotYet = errors.New("not yet")

// ErrUndecodable says that a dead letter still cannot be decoded.
var ErrUndecodable = errors.New("still cannot be decoded")

// Retry decodes a dead letter again. If that succeeds its events enter the log, the dead
// letter is removed, and the documents that the events concern are folded again, all in
// one transaction. Their currencies are completed by what is stored, as the chain cannot be
// asked. The stream's observers must have come past the dead letter. The errors are
// ErrUndecodable and ErrNotYet, and those of the store.
func Retry(ctx context.Context, store persistence.Store, node string, kind markets.ChainKind, s markets.Stream, dead markets.DeadLetter) error {
	events, err := batch.DecodeAgain(s, dead)
	if err != nil {
		return fmt.Errorf("dead letter %s %w: %w", dead.ID(), ErrUndecodable, err)
	}
	if err := currencies.New(dead.Chain, kind, nil, store).Complete(ctx, nil, events); err != nil {
		return err
	}
	m, err := newMaintainer(ctx, store, node, dead.Chain)
	if err != nil {
		return err
	}
	observers, err := m.observers(ctx, AllStreams)
	if err != nil {
		return err
	}
	w, err := m.writer(ctx, dead.Market)
	if err != nil {
		return err
	}
	moves := []persistence.Move{w.Move()}
	for _, a := range observers {
		if a.Market != dead.Market || a.Stream != dead.Stream {
			continue
		}
		if a.Seq < dead.Seq || a.Pending != nil {
			return fmt.Errorf("dead letter %s: %s has not come past it: %w", dead.ID(), a.ID, ErrNotYet)
		}
		move := persistence.Move{Actor: a.Ref(), From: a.Place, To: a.Place, Events: int64(len(events)), Report: a.Report}
		if !a.Documents {
			move.DeadLetters = -1
		}
		moves = append(moves, move)
	}
	market := persistence.MarketRef{Chain: dead.Chain, Market: dead.Market}
	return store.Commit(ctx, market, moves, func(tx persistence.Tx) error { return enter(tx, market, s, dead, events) })
}

// enter puts the events of a dead letter where they belong.
func enter(tx persistence.Tx, market persistence.MarketRef, s markets.Stream, dead markets.DeadLetter, events []markets.Event) error {
	found, err := tx.RemoveDeadLetter(dead.ID())
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("dead letter %s is gone", dead.ID())
	}
	b := markets.Batch{Events: events}
	if err := (projection.Log{Notifies: s.Notifies}).Append(tx, market, b); err != nil {
		return err
	}
	places, err := tx.Places()
	if err != nil {
		return err
	}
	at := markets.Place{Seq: places[dead.Stream]}
	t := markets.Transition{Kind: markets.BatchTransition, Chain: dead.Chain, Market: dead.Market, Stream: dead.Stream, From: at, To: at, Batch: &b}
	for c := (markets.Cursor{}); !c.Done; {
		if c, err = t.Step(tx, c, portion); err != nil {
			return err
		}
	}
	return nil
}
