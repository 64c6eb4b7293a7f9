package maintenance

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// ErrAnnounces says that a dead letter announces contracts: their events were left out, and
// have to be read again.
var ErrAnnounces = errors.New("announces contracts, whose events were left out: rewind the stream to before it")

// ErrNoDeadLetter says that there is no dead letter with an id.
var ErrNoDeadLetter = errors.New("no dead letter has that id")

// Retry takes the dead letter's chain over, and retries the dead letter.
func Retry(ctx context.Context, store persistence.Store, node string, kind markets.ChainKind, s markets.Stream, dead markets.DeadLetter) error {
	m, err := TakeOver(ctx, store, node, dead.Chain)
	if err != nil {
		return err
	}
	return m.Retry(ctx, kind, s, dead)
}

// Definition is the definition of a dead letter's stream, and what kind of chain it is on.
type Definition func(markets.DeadLetter) (markets.ChainKind, markets.Stream, error)

// RetryAll retries the dead letters in a scope, or the one with an id. Those that still cannot
// be decoded remain; failed is told why. It returns how many were decoded and how many remain.
func (m *Maintainer) RetryAll(ctx context.Context, of Scope, id string, definition Definition, failed func(error)) (decoded, remaining int64, err error) {
	total, err := m.DeadLetters(ctx, of, id)
	if err != nil {
		return 0, 0, err
	}
	seen := 0
	err = each(ctx, m.store, persistence.DeadLetters, of.letters(m.chain, id), func(d markets.DeadLetter) error {
		m.progress("decoding dead letters", seen, int(total))
		seen++
		err := m.retry(ctx, d, definition)
		switch {
		case err == nil:
			decoded++
		case errors.Is(err, ErrUndecodable), errors.Is(err, ErrNotYet), errors.Is(err, ErrAnnounces):
			remaining++
			failed(err)
			err = nil
		}
		return err
	})
	return decoded, remaining, err
}

// DeadLetters counts the dead letters in a scope, or that with an id. ErrNoDeadLetter: none has
// the id.
func (m *Maintainer) DeadLetters(ctx context.Context, of Scope, id string) (n int64, err error) {
	err = each(ctx, m.store, persistence.DeadLetters, of.letters(m.chain, id), func(markets.DeadLetter) error { n++; return nil })
	if err == nil && id != "" && n == 0 {
		err = fmt.Errorf("%s: %w", id, ErrNoDeadLetter)
	}
	return n, err
}

func (s Scope) letters(chain, id string) persistence.Condition {
	where := s.filter(chain)
	if id != "" {
		where = append(where, persistence.Equals("_id", id))
	}
	return where
}

func (m *Maintainer) retry(ctx context.Context, d markets.DeadLetter, definition Definition) error {
	kind, stream, err := definition(d)
	if err != nil {
		return fmt.Errorf("dead letter %s %w: %w", d.ID(), ErrUndecodable, err)
	}
	return m.Retry(ctx, kind, stream, d)
}

// Retry decodes a dead letter again. If that succeeds its events enter the log, the dead
// letter is removed, and the documents that the events concern are folded again, all in one
// transaction. Their currencies are completed from the stored ones, because the chain
// cannot be asked. The stream's log must have come past the dead letter; its documents are
// brought there. The errors are ErrUndecodable, ErrNotYet and ErrAnnounces, and those of
// the store.
func (m *Maintainer) Retry(ctx context.Context, kind markets.ChainKind, s markets.Stream, dead markets.DeadLetter) error {
	events, err := batch.DecodeAgain(s, dead)
	if err != nil {
		return fmt.Errorf("dead letter %s %w: %w", dead.ID(), ErrUndecodable, err)
	}
	if slices.ContainsFunc(events, func(e markets.Event) bool { return e.Kind == markets.ContractCreated }) {
		return fmt.Errorf("dead letter %s %w", dead.ID(), ErrAnnounces)
	}
	if err := currencies.New(dead.Chain, kind, nil, m.store).Complete(ctx, nil, events); err != nil {
		return err
	}
	observers, err := m.observers(ctx, Scope{dead.Market, dead.Stream})
	if err != nil {
		return err
	}
	for i := range observers {
		log := &observers[i]
		if log.Documents {
			continue
		}
		if log.Seq < dead.Seq {
			return fmt.Errorf("dead letter %s: %s has not come past it: %w", dead.ID(), log.ID, ErrNotYet)
		}
		if err := m.align(ctx, log, documentsOf(observers, *log)); err != nil {
			return err
		}
	}
	w, err := m.writer(ctx, dead.Market)
	if err != nil {
		return err
	}
	moves := []persistence.Move{w.Move()}
	for _, a := range observers {
		move := persistence.Move{Actor: a.Ref(), From: a.Place, To: a.Place, Report: a.Report}
		if !a.Documents {
			move.DeadLetters = -1
		}
		moves = append(moves, move)
	}
	market := persistence.MarketRef{Chain: dead.Chain, Market: dead.Market}
	return m.store.Commit(ctx, market, moves, func(tx persistence.Tx) error {
		entered, err := enter(tx, market, s, dead, events)
		for i := range moves[1:] {
			moves[1+i].Events = int64(entered)
		}
		return err
	})
}

// enter puts the events of a dead letter where they belong. It returns how many of them are
// the market's own.
func enter(tx persistence.Tx, market persistence.MarketRef, s markets.Stream, dead markets.DeadLetter, events []markets.Event) (int, error) {
	found, err := tx.RemoveDeadLetter(dead.ID())
	if err != nil {
		return 0, err
	}
	if !found {
		return 0, fmt.Errorf("dead letter %s is gone", dead.ID())
	}
	b := markets.Batch{Events: events}
	if b.Events, err = (projection.Log{Own: s.Own, Notifies: s.Notifies}).Append(tx, market, b); err != nil {
		return 0, err
	}
	places, err := tx.Places()
	if err != nil {
		return 0, err
	}
	at := markets.Place{Seq: places[dead.Stream]}
	t := markets.Transition{Kind: markets.BatchTransition, Chain: dead.Chain, Market: dead.Market, Stream: dead.Stream, From: at, To: at, Batch: &b}
	for c := (markets.Cursor{}); !c.Done; {
		if c, err = t.Step(tx, c, defaultPortion); err != nil {
			return 0, err
		}
	}
	return len(b.Events), nil
}
