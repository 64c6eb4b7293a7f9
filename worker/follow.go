package worker

import (
	"context"
	"errors"
	"time"
)

// ErrInterrupted says that the context ended before every stream had caught up.
var ErrInterrupted = errors.New("interrupted before every stream had caught up: the next start continues from there")

// Watcher observes a running worker. Its methods are called from one goroutine.
type Watcher interface {
	// Look is called at regular intervals.
	Look(ctx context.Context) error
	// CaughtUp is called once every stream has caught up with its chain's head.
	CaughtUp(ctx context.Context) error
}

// Follow starts the worker. It stops it when the context ends, when the watcher fails or,
// with Options.Once, when every stream has caught up. With Options.Once the end of the
// context is ErrInterrupted.
func (w *Worker) Follow(ctx context.Context, every time.Duration, watcher Watcher) (err error) {
	defer func() { err = errors.Join(err, w.Stop(context.WithoutCancel(ctx))) }()
	if err := w.Start(ctx); err != nil {
		return w.interruption(ctx, err)
	}
	err = w.watch(ctx, every, watcher)
	switch {
	case ctx.Err() == nil:
		return err
	case w.opts.Once:
		return ErrInterrupted
	}
	return nil
}

// interruption returns ErrInterrupted in place of an error of the start that comes from the
// end of the context, if the worker was to catch up.
func (w *Worker) interruption(ctx context.Context, err error) error {
	if w.opts.Once && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return ErrInterrupted
	}
	return err
}

func (w *Worker) watch(ctx context.Context, every time.Duration, watcher Watcher) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	caughtUp := w.CaughtUp()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case lost := <-w.Lost():
			return lost
		case <-caughtUp:
			if err := watcher.CaughtUp(ctx); err != nil || w.opts.Once {
				return err
			}
			caughtUp = nil
		case <-ticker.C:
			if err := watcher.Look(ctx); err != nil {
				return err
			}
		}
	}
}
