package embedded

import (
	"context"
	"encoding/json"
	"iter"
	"sync"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// Reader answers queries. Each has a connection of its own, and so a state of its
// own that no writer waits for.
type Reader struct {
	path   string
	mu     sync.Mutex
	closed bool
	busy   sync.WaitGroup
}

// Close waits for the queries under way.
func (r *Reader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.busy.Wait()
	return nil
}

// begin counts a query in, unless the reader is closed.
func (r *Reader) begin() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errClosed
	}
	r.busy.Add(1)
	return nil
}

func (r *Reader) open() (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(r.path, sqlite.OpenReadOnly)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(busyTimeout)
	return conn, nil
}

// Query is persistence.Store's.
func (r *Reader) Query(ctx context.Context, query persistence.Query) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		err := r.query(ctx, query, func(doc json.RawMessage) bool { return yield(doc, nil) })
		if err != nil {
			yield(nil, err)
		}
	}
}

func (r *Reader) query(ctx context.Context, query persistence.Query, yield func(json.RawMessage) bool) error {
	if err := r.begin(); err != nil {
		return err
	}
	defer r.busy.Done()
	selection, err := newSelection(query)
	if err != nil {
		return err
	}
	conn, err := r.open()
	if err != nil {
		return explain(r.path, err)
	}
	defer conn.Close()
	conn.SetInterrupt(ctx.Done())
	defer conn.SetInterrupt(nil)
	err = selection.run(conn, yield)
	if sqlite.ErrCode(err) == sqlite.ResultInterrupt && ctx.Err() != nil {
		return ctx.Err()
	}
	return explain(r.path, err)
}
