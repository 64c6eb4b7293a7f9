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
	errNoLog   = errors.New("nothing was read of it yet")
	errChanged = errors.New("the log was changed while it was read")
	errBehind  = errors.New("the log was rolled back")
)

// observer is the document of the observer that keeps the log.
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

// paused says whether the stream is paused.
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

// settled reads the entries between two seqs, and what else is to be read with them, while the log
// has all of them, and is not rolled back. errBehind: it is rolled back, to the place of the document. errChanged: it is changed
// too fast.
func (l log) settled(ctx context.Context, after, through int64, pause time.Duration, also ...func() error) (entries, persistence.Actor, error) {
	const attempts = 20
	var before persistence.Actor
	var err error
	for range attempts {
		before, err = l.observer(ctx)
		if err != nil {
			return entries{}, before, err
		}
		if before.Pending == nil && before.Seq >= through {
			e, err := l.between(ctx, after, through)
			if err != nil {
				return entries{}, before, err
			}
			for _, read := range also {
				if err := read(); err != nil {
					return entries{}, before, err
				}
			}
			then, err := l.observer(ctx)
			if err != nil {
				return entries{}, before, err
			}
			if advanced(before, then) {
				return e, then, nil
			}
		}
		if backoff.Sleep(ctx, pause) != nil {
			return entries{}, before, context.Cause(ctx)
		}
	}
	if before.Seq < through {
		return entries{}, before, fmt.Errorf("%w to %d", errBehind, before.Seq)
	}
	return entries{}, before, errChanged
}

// advanced says whether a log has only moved on from one document to another one.
func advanced(before, then persistence.Actor) bool {
	return then.Incarnation == before.Incarnation && then.Pending == nil && (then.Place == before.Place || slices.Contains(then.Trail, before.Place))
}
