package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// log reads the log of one stream.
type log struct {
	docs   persistence.Querier
	ref    persistence.MarketRef
	stream string
}

var (
	errNoLog   = errors.New("it has no log yet")
	errChanged = errors.New("the log was changed while it was read")
	errBehind  = errors.New("the log was rolled back")
)

// observer returns the document of the stream's activity observer.
func (l log) observer(ctx context.Context) (persistence.Actor, error) {
	found, err := l.actors(ctx, "observer")
	if err != nil {
		return persistence.Actor{}, err
	}
	i := slices.IndexFunc(found, func(a persistence.Actor) bool { return !a.Documents })
	if i < 0 {
		return persistence.Actor{}, errNoLog
	}
	return found[i], nil
}

// paused reports whether the stream is paused.
func (l log) paused(ctx context.Context) (bool, error) {
	found, err := l.actors(ctx, "worker")
	return slices.ContainsFunc(found, func(a persistence.Actor) bool { return a.Paused }), err
}

func (l log) actors(ctx context.Context, kind string) ([]persistence.Actor, error) {
	filter := append(l.ref.Documents(), persistence.Equals("stream", l.stream), persistence.Equals("kind", kind))
	return persistence.Collect[persistence.Actor](ctx, l.docs, persistence.Query{Collection: persistence.Actors, Filter: persistence.Filter{Condition: filter}})
}

// between reads the entries with seqs greater than after and at most through.
func (l log) between(ctx context.Context, after, through int64) (e entries, err error) {
	where := persistence.Filter{Condition: append(l.ref.Documents(), persistence.Equals("stream", l.stream),
		persistence.Compare{Path: "seq", Operator: persistence.Greater, Operand: after},
		persistence.Compare{Path: "seq", Operator: persistence.LessOrEqual, Operand: through})}
	e.activities, err = persistence.Collect[markets.Activity](ctx, l.docs, persistence.Query{Collection: persistence.Activities, Filter: where})
	if err != nil {
		return e, err
	}
	e.letters, err = persistence.Collect[markets.DeadLetter](ctx, l.docs, persistence.Query{Collection: persistence.DeadLetters, Filter: where})
	return e, err
}

// settled reads the entries between two seqs, and calls also, while the log is not rolled
// back. It repeats both if the log is changed meanwhile. It returns errBehind if the log
// ends below through, and errChanged if every attempt was disturbed.
func (l log) settled(ctx context.Context, after, through int64, pause time.Duration, also ...func() error) (entries, error) {
	const attempts = 20
	var before persistence.Actor
	var err error
	for range attempts {
		if before, err = l.observer(ctx); err != nil {
			return entries{}, err
		}
		if before.Pending == nil && before.Seq >= through {
			e, undisturbed, err := l.readSince(ctx, before, after, through, also)
			if err != nil || undisturbed {
				return e, err
			}
		}
		if backoff.Sleep(ctx, pause) != nil {
			return entries{}, context.Cause(ctx)
		}
	}
	if before.Seq < through {
		return entries{}, fmt.Errorf("%w to %d", errBehind, before.Seq)
	}
	return entries{}, errChanged
}

// readSince reads the entries between two seqs, calls also, and reports whether the log has
// only advanced since the observer's document before.
func (l log) readSince(ctx context.Context, before persistence.Actor, after, through int64, also []func() error) (e entries, undisturbed bool, err error) {
	if e, err = l.between(ctx, after, through); err != nil {
		return e, false, err
	}
	for _, read := range also {
		if err := read(); err != nil {
			return e, false, err
		}
	}
	now, err := l.observer(ctx)
	return e, err == nil && advanced(before, now), err
}

// advanced reports whether a log has only advanced between two states of its observer's
// document.
func advanced(before, after persistence.Actor) bool {
	return after.Incarnation == before.Incarnation && after.Pending == nil &&
		(after.Place == before.Place || slices.Contains(after.Trail, before.Place))
}
