package commands

import (
	"context"
	"errors"
	"time"

	"github.com/imart/event-worker/actors"
)

// stopTimeout bounds how long actors may take to stop.
const stopTimeout = 8 * time.Second

// watcher is told what becomes of running actors.
type watcher interface {
	// Look is called again and again, at intervals.
	Look(ctx context.Context) error
	// CaughtUp is called once every stream has caught up with its chain's head.
	CaughtUp(ctx context.Context) error
}

// follow runs actors until the context is done, or until they have caught up if
// once is set.
func follow(ctx context.Context, cfg actors.Config, once bool, every time.Duration, w watcher) (err error) {
	node, err := actors.Start(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(ctx, node)) }()
	err = watch(ctx, node, once, every, w)
	switch {
	case ctx.Err() == nil:
		return err
	case once:
		return errInterrupted
	}
	return nil
}

func stop(ctx context.Context, node *actors.Node) error {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return node.Stop(within)
}

func watch(ctx context.Context, node *actors.Node, once bool, every time.Duration, w watcher) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	caughtUp := node.CaughtUp()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case lost := <-node.Lost():
			return lost
		case <-caughtUp:
			if err := w.CaughtUp(ctx); err != nil || once {
				return err
			}
			caughtUp = nil
		case <-ticker.C:
			if err := w.Look(ctx); err != nil {
				return err
			}
		}
	}
}
