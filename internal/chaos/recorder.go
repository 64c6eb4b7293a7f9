package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/imart/event-worker/internal/chaos/history"
	"github.com/imart/event-worker/internal/devnet"
)

// readEvery is the interval of reading the history: the moment at which a commit is read
// from the oplog bounds the moment at which it took effect. The server's oplog must hold
// the writes of one interval: even the smallest default, 990 MB, holds hours.
const readEvery = 50 * time.Millisecond

// recorder reads the history while it is written.
type recorder struct {
	oplog   *history.Oplog
	checker *history.Checker
	truth   truth
	ended   chan error
}

// record records until the context ends. Times are since the start.
func record(ctx context.Context, uri, database string, counts history.Counts, started time.Time) (*recorder, error) {
	oplog, err := history.Open(ctx, uri, database, slices.Concat(history.Ownership, devnet.Collections)...)
	if err != nil {
		return nil, err
	}
	r := &recorder{oplog, history.NewChecker(counts), truth{started: started}, make(chan error, 1)}
	go func() {
		var err error
		for pause(ctx, readEvery) && !errors.Is(err, history.ErrLost) {
			err = oplog.Read(ctx, r.take) // the server may be unavailable
		}
		r.ended <- err
	}()
	return r, nil
}

func (r *recorder) take(t history.Transaction) {
	r.checker.Take(t.In(history.Ownership))
	r.truth.take(t.In(devnet.Collections))
}

// finish completes the history. The context of record must have ended, and all writers too.
func (r *recorder) finish(ctx context.Context) error {
	err := <-r.ended
	if !errors.Is(err, history.ErrLost) {
		err = r.oplog.Drain(ctx, r.take)
	}
	return errors.Join(err, r.truth.err, r.oplog.Close())
}
