// Package embedded is the store that needs only a folder: SQLite, in pure Go, in one
// file.
//
// It guarantees, beyond what persistence.Store does:
//   - One process writes to a folder: the file event-worker.lock is locked as long as it
//     runs, however it ends. Any number of processes read meanwhile, and insert requests
//     for it.
//   - A commit is on the disk when it returns.
//   - Transactions are serial: a condition that was checked in one holds until it has
//     committed.
//
// Every document is a row: JSON text, and the columns by which the program searches.
// Long names are stored once, and are numbers everywhere else. An order of the market
// seaport on ethereum:
//
//	names    id  parent  name            orders   id  maker  doc
//	          1       0  ethereum                  3      4  {"chain":"ethereum","market":"seaport","key":"0x6d…",…}
//	          2       1  seaport
//	          3       2  0x6d…
//	          4       2  the maker's key
package embedded

import (
	"context"
	"errors"
	"time"

	"github.com/gofrs/flock"
	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

var errClosed = errors.New("the store is closed")

// Store is the data folder of a process that writes.
type Store struct {
	*Reader
	queue
	lock *flock.Flock
	// writer holds the only writing connection while no call uses it.
	writer chan *sqlite.Conn
	names  names // guarded by writer
}

var _ persistence.Store = (*Store)(nil)

func newStore(path, vfs string, lock *flock.Flock, conn *sqlite.Conn) *Store {
	s := &Store{Reader: &Reader{path: path, vfs: vfs}, lock: lock, writer: make(chan *sqlite.Conn, 1), names: names{}}
	s.writer <- conn
	s.queue = queue{writing: s.write, reading: s.read}
	return s
}

// Close waits for the calls in progress, including queries, and releases the folder.
func (s *Store) Close() error {
	conn, open := <-s.writer
	if !open {
		return errClosed
	}
	close(s.writer)
	return errors.Join(s.Reader.Close(), conn.Close(), s.lock.Unlock())
}

// Commit implements persistence.Store.
func (s *Store) Commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(tx persistence.Tx) error) error {
	return s.write(ctx, func(conn *sqlite.Conn) error {
		for _, move := range moves {
			if err := checkMove(conn, move); err != nil {
				return err
			}
		}
		if do != nil {
			if err := within(ctx, conn, market, s.names, do); err != nil {
				return err
			}
		}
		for _, move := range moves {
			if err := applyMove(conn, move); err != nil {
				return err
			}
		}
		return nil
	})
}

// write runs do in a transaction, which is rolled back if the context ends before the
// commit.
func (s *Store) write(ctx context.Context, do func(*sqlite.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case conn, open := <-s.writer:
		if !open {
			return errClosed
		}
		defer func() { s.writer <- conn }()
		err := transact(conn, func() error {
			if err := do(conn); err != nil {
				return err
			}
			if err := prune(conn); err != nil {
				return err
			}
			return ctx.Err()
		})
		if err != nil {
			clear(s.names) // some may have been assigned in this transaction
		}
		return explain(s.path, err)
	}
}

// transact runs do between BEGIN and COMMIT, or ROLLBACK if do fails.
func transact(conn *sqlite.Conn, do func() error) (err error) {
	if _, err := run(conn, "BEGIN IMMEDIATE", nothing); err != nil {
		return err
	}
	defer func() {
		if !conn.AutocommitEnabled() { // neither committed nor rolled back by SQLite itself
			_, failed := run(conn, "ROLLBACK", nothing)
			err = errors.Join(err, failed)
		}
	}()
	if err := do(); err != nil {
		return err
	}
	_, err = run(conn, "COMMIT", nothing)
	return err
}

// now returns the time with the resolution of stored documents.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
