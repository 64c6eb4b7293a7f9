package embedded

import (
	"context"
	"errors"
	"slices"
	"sync"

	"zombiezen.com/go/sqlite"
)

// groupSize is how many changes one transaction takes along at most.
const groupSize = 16

// change is what one caller wants to be done in a transaction of the writer. It
// happens as a whole or not at all, whatever becomes of others beside it.
type change struct {
	ctx      context.Context
	do       func(*sqlite.Conn) error
	done     chan struct{} // closed when err is known
	err      error
	panicked any
}

func (x *change) isDone() bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

// changes are those that wait for the writer. Who gets the writer makes the
// changes of all who wait, in one transaction: a commit costs more than most
// changes.
type changes struct {
	mu      sync.Mutex
	waiting []*change
}

func (c *changes) add(x *change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, x)
}

// next takes the change that waits longest, nil if none does.
func (c *changes) next() *change {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return nil
	}
	x := c.waiting[0]
	c.waiting = slices.Delete(c.waiting, 0, 1)
	return x
}

// withdraw takes back a change, unless it was taken up already.
func (c *changes) withdraw(x *change) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.waiting, x)
	if i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
	return i >= 0
}

// write makes a change in a transaction. It ends with the context at the latest
// when it is about to be committed; what is committed, is.
func (s *Store) write(ctx context.Context, do func(*sqlite.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x := &change{ctx: ctx, do: do, done: make(chan struct{})}
	s.changes.add(x)
	select {
	case <-x.done:
	case <-ctx.Done():
		if s.changes.withdraw(x) {
			return ctx.Err()
		}
	case conn, open := <-s.writer:
		if !open {
			s.changes.withdraw(x)
			return errClosed
		}
		for !x.isDone() { // more may have waited than fit a group
			s.writeGroup(conn)
		}
		s.writer <- conn
	}
	<-x.done
	if x.panicked != nil {
		panic(x.panicked)
	}
	return explain(s.path, x.err)
}

// writeGroup makes the changes that wait, and those that come meanwhile, in one
// transaction.
func (s *Store) writeGroup(conn *sqlite.Conn) {
	var group []*change
	err := transact(conn, func() error {
		for len(group) < groupSize {
			x := s.changes.next()
			if x == nil {
				return nil
			}
			group = append(group, x)
			if x.err = s.savepoint(conn, x); conn.AutocommitEnabled() { // SQLite has rolled back all of it
				return x.err
			}
		}
		return nil
	})
	if err != nil && len(group) == 0 { // not even begun
		if x := s.changes.next(); x != nil {
			group = append(group, x)
		}
	}
	for _, x := range group {
		if x.err == nil {
			x.err = err
		}
		close(x.done)
	}
	if err != nil {
		clear(s.names)
	}
}

// savepoint makes one change of a group, or takes back what it has done.
func (s *Store) savepoint(conn *sqlite.Conn, x *change) (err error) {
	if _, err := run(conn, "SAVEPOINT change", nothing); err != nil {
		return err
	}
	defer func() {
		if x.panicked = recover(); err == nil && x.panicked == nil {
			_, err = run(conn, "RELEASE change", nothing)
			return
		}
		clear(s.names) // some may have been made by this change
		if !conn.AutocommitEnabled() {
			_, failed := run(conn, "ROLLBACK TO change", nothing)
			_, released := run(conn, "RELEASE change", nothing)
			err = errors.Join(err, failed, released)
		}
	}()
	if err := x.do(conn); err != nil {
		return err
	}
	return x.ctx.Err()
}
