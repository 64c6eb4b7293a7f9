package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/persistence"
)

// A transaction that conflicts with another one, or loses its server, is retried for
// about patience, with increasing pauses.
const (
	patience   = 30 * time.Second
	firstPause = 2 * time.Millisecond
	maxPause   = time.Second
)

// cleanupTimeout bounds the cleanup after a failed transaction.
const cleanupTimeout = 5 * time.Second

// transaction is run until it has committed exactly once.
type transaction struct {
	store *Store
	// body does the work. It may be called several times.
	body func(ctx context.Context) error
	// landed reports whether an earlier run has committed after all. Nil means that this
	// cannot be determined; a commit without an answer is then an error.
	landed func(ctx context.Context) (bool, error)
}

// errOutcome means that it is unknown whether a transaction has committed.
var errOutcome = errors.New("it is not known whether the transaction has committed")

// run runs the transaction. If a run may have committed, run determines the outcome
// before the next attempt, whatever the server's error says.
func (t transaction) run(ctx context.Context) error {
	started, unknown := time.Now(), false
	for failures := 1; ; failures++ {
		err := t.runOnce(ctx)
		var own ownError
		if err == nil || errors.As(err, &own) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if unknown = unknown || errors.Is(err, errOutcome); unknown {
			done, failed := t.outcome(ctx)
			if done {
				return nil
			}
			if failed != nil {
				return fmt.Errorf("%w: %w", err, failed)
			}
		}
		if !transient(err) || time.Since(started) > patience {
			return err
		}
		if err := t.store.endSuspects(ctx); err != nil {
			return err
		}
		if err := backoff.Sleep(ctx, backoff.Jittered(failures, firstPause, maxPause)); err != nil {
			return err
		}
	}
}

// outcome reports whether a run has committed; its error says that this cannot be
// determined.
func (t transaction) outcome(ctx context.Context) (bool, error) {
	if t.landed == nil {
		return false, errOutcome
	}
	return t.landed(ctx)
}

// runOnce runs the transaction once. If it fails, its transaction has been aborted on the
// server, or its session is a suspect.
func (t transaction) runOnce(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	s := t.store
	session, err := s.client.StartSession()
	if err != nil {
		return err
	}
	committed := false
	defer func() {
		if committed || err == nil || sessionUsable(err) { // err is nil during a panic
			s.end(session)
		} else {
			s.kill(session)
		}
	}()
	if err := session.StartTransaction(); err != nil {
		return err
	}
	lingering, cancel := linger(ctx)
	defer cancel()
	if err := t.body(driver.NewSessionContext(lingering, session)); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errStopped
	}
	if err := session.CommitTransaction(context.WithoutCancel(ctx)); err != nil { // the client's timeout bounds it
		return fmt.Errorf("%w: %w", errOutcome, err)
	}
	committed = true
	return nil
}

// errStopped means that the context ended between two statements.
var errStopped = errors.New("stopped")

// grace is how long a statement may continue after its context has ended. A statement
// that is cut off could start its transaction on the server after that transaction was
// aborted.
const grace = time.Second

// linger returns a context that ends later than ctx by grace.
func linger(ctx context.Context) (context.Context, context.CancelFunc) {
	lingering, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return lingering, func() {
		stop()
		cancel()
	}
}

// sessionUsable reports whether the session is usable after an error: its transaction can still
// be aborted, or the server has confirmed that it aborted the transaction.
func sessionUsable(err error) bool {
	var own ownError
	if errors.As(err, &own) || errors.Is(err, persistence.ErrFenced) || errors.Is(err, errStopped) {
		return true
	}
	var server driver.ServerError
	return errors.As(err, &server) && !errors.Is(err, errOutcome) && !driver.IsNetworkError(err) && !driver.IsTimeout(err)
}

// end ends a session, and aborts its transaction unless that has committed.
func (s *Store) end(session *driver.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	session.EndSession(ctx)
}

// kill ends a session whose server may still be executing its transaction, or may be
// unreachable. The session stays suspect and is never returned to the driver's pool: the
// driver would reuse it for another transaction.
func (s *Store) kill(session *driver.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	s.suspects.add(session.ID())
	_ = s.endSuspects(ctx) // retried with the next transaction
}

// retry repeats an idempotent call until it succeeds, its error is permanent, or
// patience is exhausted.
func retry(ctx context.Context, do func() error) error {
	started := time.Now()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := do()
		if err == nil || ctx.Err() != nil || !transient(err) || time.Since(started) > patience {
			return err
		}
		if err := backoff.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// poolCleared reports whether another operation's failure has cleared the pool in which an
// operation waited for a connection. The driver gives that error no label.
func poolCleared(err error) bool {
	var pool interface{ Retryable() bool }
	return errors.As(err, &pool) && pool.Retryable()
}

// transient reports whether an error is likely to be transient: a conflict with another
// transaction, or a server that is briefly unavailable.
func transient(err error) bool {
	var labeled driver.LabeledError
	if errors.As(err, &labeled) && labeled.HasErrorLabel("TransientTransactionError") {
		return true
	}
	return poolCleared(err) || errors.Is(err, errOutcome) || driver.IsNetworkError(err) || driver.IsTimeout(err)
}

// ownError is an error of the caller's own code within a transaction.
type ownError struct{ error }

func (e ownError) Unwrap() error { return e.error }

func fenced(id string) error { return fmt.Errorf("%s: %w", id, persistence.ErrFenced) }
