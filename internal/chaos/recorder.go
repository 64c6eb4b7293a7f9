package main

import (
	"context"
	"errors"
	"time"

	"github.com/imart/event-worker/internal/chaos/history"
)

// readEvery is the interval of reading the history. The server's oplog must hold the
// writes of one interval: even the smallest default, 990 MB, holds hours.
const readEvery = 500 * time.Millisecond

// recorder reads the history while it is written.
type recorder struct {
	oplog   *history.Oplog
	checker *history.Checker
	ended   chan error
}

// record records until the context ends.
func record(ctx context.Context, uri, database string, counts history.Counts) (*recorder, error) {
	oplog, err := history.Open(ctx, uri, database)
	if err != nil {
		return nil, err
	}
	r := &recorder{oplog, history.NewChecker(counts), make(chan error, 1)}
	go func() {
		var err error
		for pause(ctx, readEvery) && !errors.Is(err, history.ErrLost) {
			err = oplog.Read(ctx, r.checker.Take) // the server may be unavailable
		}
		r.ended <- err
	}()
	return r, nil
}

// finish returns the complete history. The context of record must have ended, and all
// writers too.
func (r *recorder) finish(ctx context.Context) (*history.Checker, error) {
	err := <-r.ended
	if !errors.Is(err, history.ErrLost) {
		err = r.oplog.Drain(ctx, r.checker.Take)
	}
	return r.checker, errors.Join(err, r.oplog.Close())
}
