package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"sync"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// maxIdle is how many connections are kept for later queries. Opening one takes a
// hundred times as long as a small query.
const maxIdle = 2

// Reader answers queries. Each query has its own connection, and with it a snapshot that
// does not block writers.
type Reader struct {
	path   string
	vfs    string
	mu     sync.Mutex
	closed bool
	idle   []*sqlite.Conn
	busy   sync.WaitGroup // queries in progress
}

// Close waits for the queries in progress.
func (r *Reader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.busy.Wait()
	var err error
	for _, conn := range r.idle {
		err = errors.Join(err, conn.Close())
	}
	r.idle = nil
	return err
}

// acquireConn returns a connection for one query, which returns it with put.
func (r *Reader) acquireConn() (*sqlite.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	if last := len(r.idle) - 1; last >= 0 {
		conn := r.idle[last]
		r.idle = r.idle[:last]
		r.busy.Add(1)
		return conn, nil
	}
	conn, err := openConn(r.path, r.vfs, sqlite.OpenReadOnly)
	if err != nil {
		return nil, explain(r.path, err)
	}
	r.busy.Add(1)
	return conn, nil
}

func (r *Reader) releaseConn(conn *sqlite.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.busy.Done()
	if len(r.idle) < maxIdle {
		r.idle = append(r.idle, conn)
	} else {
		_ = conn.Close() // it has nothing to flush
	}
}

// Query implements persistence.Store.
func (r *Reader) Query(ctx context.Context, query persistence.Query) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		err := r.query(ctx, query, func(doc json.RawMessage) bool { return yield(doc, nil) })
		if err != nil {
			yield(nil, err)
		}
	}
}

func (r *Reader) query(ctx context.Context, query persistence.Query, yield func(json.RawMessage) bool) error {
	return search(query, yield, func(do func(*sqlite.Conn) error) error { return r.read(ctx, do) })
}

// search runs a query on the connection that read provides.
func search(query persistence.Query, yield func(json.RawMessage) bool, read func(do func(*sqlite.Conn) error) error) error {
	if query.Collection == persistence.Nodes {
		return nil // a data folder has one writer and no cluster
	}
	selection, err := newSelection(query)
	if err != nil {
		return err
	}
	return read(func(conn *sqlite.Conn) error { return selection.run(conn, yield) })
}

// read runs do on a connection of its own until the context ends.
func (r *Reader) read(ctx context.Context, do func(conn *sqlite.Conn) error) error {
	conn, err := r.acquireConn()
	if err != nil {
		return err
	}
	defer r.releaseConn(conn)
	conn.SetInterrupt(ctx.Done())
	defer conn.SetInterrupt(nil)
	err = do(conn)
	if sqlite.ErrCode(err) == sqlite.ResultInterrupt && ctx.Err() != nil {
		return ctx.Err()
	}
	return explain(r.path, err)
}
