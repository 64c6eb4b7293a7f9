package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/imart/event-worker/internal/caller"
	"github.com/imart/event-worker/persistence"
)

// line is a worker's connection to the server. Every call is two steps: the way there, after
// which the server executes it, and the way back, on which the answer may be lost.
type line struct {
	persistence.Store         // nothing but what follows is called
	persistence.DeadHookStore // and nothing of this
	of                        *process
	user                      string // the part of the worker that uses it
}

var (
	_ persistence.Store    = (*line)(nil)
	_ persistence.Registry = (*line)(nil)
)

// by is the line as another part of the worker uses it: two calls at the same time differ by
// their names.
func (l *line) by(user string) *line { return &line{of: l.of, user: user} }

var (
	errKilled = errors.New("the process was killed")
	errLost   = errors.New("the answer was lost")
)

// call executes a call at the server, unless the process cannot reach it.
func call[T any](ctx context.Context, l *line, name string, do func(*server) (T, error)) (answer T, err error) {
	var none T
	w := l.of.world
	name = l.user + caller.Of(ctx) + " " + name
	life := w.server.life.Load()
	if err := w.await(ctx, l.of, name, storing); err != nil {
		return none, err
	}
	if err := l.reach(life); err != nil {
		return none, err
	}
	w.server.calls.Lock()
	answer, err = do(w.server)
	w.server.calls.Unlock()
	if err := w.await(ctx, l.of, "answer to "+name, storing); err != nil {
		return none, err
	}
	switch {
	case l.of.dead:
		return none, errKilled
	case l.of.losing():
		return none, errLost
	}
	return answer, err
}

// reach returns why a call that was made in a life of the server does not reach it.
func (l *line) reach(life int64) error {
	server := l.of.world.server
	switch {
	case l.of.dead:
		return errKilled
	case l.of.cut || server.away || server.life.Load() != life:
		return errAway
	}
	return nil
}

// done is call for what has no answer.
func done(ctx context.Context, l *line, name string, do func(*server) error) error {
	_, err := call(ctx, l, name, func(s *server) (struct{}, error) { return struct{}{}, do(s) })
	return err
}

// TakeOver implements persistence.Store. A cluster's chains are acquired instead.
func (l *line) TakeOver(context.Context, string, string) (int64, error) {
	return 0, errors.New("a worker took a chain over")
}

// Claim implements persistence.Store.
func (l *line) Claim(ctx context.Context, claim persistence.Claim) (persistence.Actor, error) {
	return call(ctx, l, "claim "+claim.ID, func(s *server) (persistence.Actor, error) { return s.claim(ctx, claim) })
}

// Commit implements persistence.Store. A commit that is on its way may land even if its
// sender has been killed.
func (l *line) Commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	if l.of.dead {
		return errKilled // it sends nothing more
	}
	ctx = context.WithoutCancel(ctx)
	name := "commit"
	for _, m := range moves {
		name += " " + m.Actor.ID
	}
	w := l.of.world
	life := w.server.life.Load()
	if err := w.await(ctx, l.of, name, storing); err != nil {
		return err
	}
	if err := l.reach(life); err != nil && (err != errKilled || w.server.life.Load() != life || w.r.IntN(2) == 0) {
		return err
	}
	violation, err := w.server.commit(ctx, market, moves, do)
	w.fail(violation)
	_ = w.await(ctx, l.of, "answer to "+name, storing)
	if l.of.losing() {
		return errLost
	}
	return err
}

// Report implements persistence.Store.
func (l *line) Report(ctx context.Context, ref persistence.ActorRef, report persistence.Report) error {
	return done(ctx, l, "report "+ref.ID, func(s *server) error { return s.store.Report(ctx, ref, report) })
}

// Query implements persistence.Store: it reads everything before it yields.
func (l *line) Query(ctx context.Context, q persistence.Query) iter.Seq2[json.RawMessage, error] {
	docs, err := call(ctx, l, fmt.Sprint("query ", q), func(s *server) (docs []json.RawMessage, err error) {
		for doc, err := range s.store.Query(ctx, q) {
			if err != nil {
				return nil, err
			}
			docs = append(docs, doc)
		}
		return docs, nil
	})
	return func(yield func(json.RawMessage, error) bool) {
		for _, doc := range docs {
			if !yield(doc, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}
