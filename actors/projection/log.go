package projection

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

var errResumedLog = errors.New("a batch is one commit of the log: there is none to resume")

// Log is the log of a stream: its activities and dead letters.
type Log struct {
	Own      *markets.Own // which of its events are the market's; nil: all
	Notifies bool         // its activities are told to those whom they concern
	Portion  int          // how many documents a commit of a rollback removes at most
}

// Commit makes a transition of the log durable.
func (l Log) Commit(ctx context.Context, store persistence.Store, e Execution) error {
	var err error
	switch e.Kind {
	case markets.BatchTransition:
		err = l.append(ctx, store, e)
	case markets.RollbackTransition:
		err = l.truncate(ctx, store, e)
	case markets.ResumeTransition:
		err = errResumedLog
	default:
		err = e.unknownKind()
	}
	if err != nil {
		return fmt.Errorf("committing the log: %w", err)
	}
	return nil
}

// append adds a batch to the log.
func (l Log) append(ctx context.Context, store persistence.Store, e Execution) error {
	moves := []persistence.Move{e.condition()}
	return store.Commit(ctx, e.market(), moves, func(tx persistence.Tx) error {
		events, err := l.Append(tx, e.market(), *e.Batch)
		moves[0] = e.portion(true, len(events), len(e.Batch.DeadLetters))
		return err
	})
}

// Append adds a batch to the log of a market, and notifies those whom it concerns. It returns
// the events that it has added: the market's own.
func (l Log) Append(tx persistence.Tx, market persistence.MarketRef, b markets.Batch) ([]markets.Event, error) {
	events := b.Events
	if l.Own != nil {
		var err error
		if events, err = owned(tx, *l.Own, events); err != nil {
			return nil, err
		}
	}
	activities := make([]markets.Activity, len(events))
	for i, e := range events {
		activities[i] = markets.Activity{Chain: market.Chain, Market: market.Market, Event: e}
	}
	if err := tx.Append(activities, b.DeadLetters); err != nil || !l.Notifies {
		return events, err
	}
	notifications, err := toOwners(tx, activities)
	if err != nil {
		return events, err
	}
	for _, a := range activities {
		notifications = append(notifications, markets.Notifications(a)...)
	}
	return events, tx.Notify(notifications)
}

// truncate removes what lies beyond the end of a rollback from the log, in portions.
func (l Log) truncate(ctx context.Context, store persistence.Store, e Execution) error {
	for last := false; !last; {
		moves := []persistence.Move{e.condition()}
		err := store.Commit(ctx, e.market(), moves, func(tx persistence.Tx) error {
			activities, deadLetters, err := tx.Truncate(e.Stream, e.To.Seq, l.Portion)
			last = activities+deadLetters < l.Portion
			moves[0] = e.portion(last, -activities, -deadLetters)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
