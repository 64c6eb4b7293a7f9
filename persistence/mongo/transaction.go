package mongo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/imart/event-worker/persistence"
)

// A transaction that meets another one, or loses its server, is rerun for about
// patience, with growing pauses.
const (
	patience   = 30 * time.Second
	firstPause = 2 * time.Millisecond
	maxPause   = time.Second
)

// cleanupTimeout bounds what is done for a transaction that has failed.
const cleanupTimeout = 5 * time.Second

// transaction is one that is run until it has committed exactly once.
type transaction struct {
	store *Store
	// body does the work. It may be run several times.
	body func(ctx context.Context) error
	// landed says whether an earlier run has committed after all. Nil means that
	// nobody can know; a commit without an answer is then an error.
	landed func(ctx context.Context) (bool, error)
}

// errOutcome says that it is not known whether a transaction has committed.
var errOutcome = errors.New("it is not known whether the transaction has committed")

// run runs the transaction. When a run may have committed, whatever the server's
// error says of it, that is found out before the next one.
func (t transaction) run(ctx context.Context) error {
	begun, unknown := time.Now(), false
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := t.once(ctx)
		var own ownError
		if err == nil || errors.As(err, &own) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if unknown = unknown || errors.Is(err, errOutcome); unknown {
			done, failed := t.findOut(ctx)
			if done {
				return nil
			}
			if failed != nil {
				return fmt.Errorf("%w: %w", err, failed)
			}
		}
		if !passing(err) || time.Since(begun) > patience {
			return err
		}
		if err := t.store.endSuspects(ctx); err != nil {
			return err
		}
		if err := sleep(ctx, pause/2+rand.N(pause)); err != nil {
			return err
		}
	}
}

// findOut says whether a run has committed, or that this cannot be known.
func (t transaction) findOut(ctx context.Context) (bool, error) {
	if t.landed == nil {
		return false, errOutcome
	}
	return t.landed(ctx)
}

// once runs the transaction once. When it fails, it has been ended on the server,
// or is a suspect.
func (t transaction) once(ctx context.Context) (err error) {
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
		if committed || err == nil || intact(err) { // nil in a panic
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

// errStopped says that a context has ended between two statements.
var errStopped = errors.New("stopped")

// grace is how long a statement may go on after its context has ended. One that is
// cut off could begin its transaction on the server after that was ended.
const grace = time.Second

// linger is a context that ends later than another by grace.
func linger(ctx context.Context) (context.Context, context.CancelFunc) {
	lingering, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return lingering, func() {
		stop()
		cancel()
	}
}

// intact says whether the session is usable after an error: its transaction waits to be
// ended, or the server has said that it has ended it.
func intact(err error) bool {
	var own ownError
	if errors.As(err, &own) || errors.Is(err, persistence.ErrFenced) || errors.Is(err, errStopped) {
		return true
	}
	var server driver.ServerError
	return errors.As(err, &server) && !errors.Is(err, errOutcome) && !driver.IsNetworkError(err) && !driver.IsTimeout(err)
}

// end ends a session, and its transaction unless that has committed.
func (s *Store) end(session *driver.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	session.EndSession(ctx)
}

// kill ends a session whose server may be in the middle of its transaction, or may
// not be there. It stays suspect, and so is never used again: the driver would use
// it for another transaction if it were told that it has ended.
func (s *Store) kill(session *driver.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	s.suspects.add(session.ID())
	_ = s.endSuspects(ctx) // what fails here is done later
}

// patiently does what may be repeated until it succeeds, or its error is not a passing
// one.
func patiently(ctx context.Context, do func() error) error {
	begun := time.Now()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := do()
		if err == nil || ctx.Err() != nil || !passing(err) || time.Since(begun) > patience {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// passing says whether an error is likely to pass: another transaction was met, or
// the server is away for a moment.
func passing(err error) bool {
	var labeled driver.LabeledError
	if errors.As(err, &labeled) && labeled.HasErrorLabel("TransientTransactionError") {
		return true
	}
	return errors.Is(err, errOutcome) || driver.IsNetworkError(err) || driver.IsTimeout(err)
}

// ownError is an error of a caller's own code within a transaction.
type ownError struct{ error }

func (e ownError) Unwrap() error { return e.error }

func fenced(id string) error { return fmt.Errorf("%s: %w", id, persistence.ErrFenced) }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
