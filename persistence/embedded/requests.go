package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// queue is the requests in a data folder.
type queue struct {
	writing func(ctx context.Context, do func(*sqlite.Conn) error) error
	reading func(ctx context.Context, do func(*sqlite.Conn) error) error
}

var _ persistence.RequestQueue = queue{}

// Queue is the requests in a data folder that another process has, which executes them. Its
// writes are the only ones of a process that has not locked the folder: they touch this table
// alone, in short transactions.
type Queue struct {
	queue
	*Reader
	conn chan *sqlite.Conn // while no call uses it
}

// OpenQueue opens the requests of a data folder. The errors are those of OpenReader.
func OpenQueue(dir string) (*Queue, error) {
	reader, err := OpenReader(dir) // which inspects the file
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fileName)
	conn, err := openConn(path, layer, sqlite.OpenReadWrite)
	if err != nil {
		return nil, errors.Join(explain(path, err), reader.Close())
	}
	q := &Queue{Reader: reader, conn: make(chan *sqlite.Conn, 1)}
	q.conn <- conn
	q.queue = queue{writing: q.write, reading: reader.read}
	return q, nil
}

func (q *Queue) write(ctx context.Context, do func(*sqlite.Conn) error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case conn := <-q.conn:
		defer func() { q.conn <- conn }()
		return explain(q.path, transact(conn, func() error { return do(conn) }))
	}
}

// Close waits for the calls in progress.
func (q *Queue) Close() error { return errors.Join(q.Reader.Close(), (<-q.conn).Close()) }

// InUse reports whether a process has the data folder.
func InUse(dir string) (bool, error) {
	if _, err := os.Stat(filepath.Join(dir, lockName)); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	lock := flock.New(filepath.Join(dir, lockName), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock() // held only for a moment, which acquire waits for
	if err != nil {
		return false, fmt.Errorf("data folder %s: %w", dir, err)
	}
	return !free, lock.Close()
}

// Ask implements persistence.RequestQueue. It also removes what has expired.
func (q queue) Ask(ctx context.Context, requests []persistence.Request, overdue time.Duration) error {
	return q.writing(ctx, func(conn *sqlite.Conn) error {
		_, err := run(conn, "DELETE FROM requests WHERE doc ->> '$.expiresAt' < ?", func(stmt *sqlite.Stmt) {
			stmt.BindText(1, now().Format(time.RFC3339))
		})
		if err != nil {
			return err
		}
		for _, r := range requests {
			known, err := requestsWhere(conn, "id = ?", r.ID)
			if err != nil {
				return err
			}
			if len(known) > 0 {
				return fmt.Errorf("request %s exists", r.ID)
			}
			r.State, r.AskedAt = persistence.RequestPending, now()
			r.OverdueAt = r.AskedAt.Add(overdue)
			if err := putRequest(conn, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// Requests implements persistence.RequestQueue.
func (q queue) Requests(ctx context.Context, ids []string) (found []persistence.Request, err error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return q.where(ctx, "id IN (SELECT value FROM json_each(?))", string(list))
}

// Pending implements persistence.RequestQueue.
func (q queue) Pending(ctx context.Context) (found []persistence.Request, err error) {
	return q.where(ctx, "state IN (?, 'running')", persistence.RequestPending)
}

func (q queue) where(ctx context.Context, condition, arg string) (found []persistence.Request, err error) {
	err = q.reading(ctx, func(conn *sqlite.Conn) (err error) {
		found, err = requestsWhere(conn, condition, arg)
		return err
	})
	return found, err
}

// StartRequest implements persistence.RequestQueue.
func (q queue) StartRequest(ctx context.Context, owned persistence.Lease, id string) (started persistence.Request, ok bool, err error) {
	ok, err = q.underLease(ctx, owned, id, func(r *persistence.Request) bool {
		if r.Chain != owned.Chain || r.Ended() || r.Epoch > owned.Epoch {
			return false
		}
		r.State, r.Node, r.Epoch = persistence.RequestRunning, owned.Node, owned.Epoch
		if r.StartedAt == nil {
			at := now()
			r.StartedAt = &at
		}
		r.Starts++
		started = *r
		return true
	})
	return started, ok, err
}

// ReportRequest implements persistence.RequestQueue.
func (q queue) ReportRequest(ctx context.Context, started persistence.Request) error {
	_, err := q.change(ctx, started.ID, func(r *persistence.Request) bool {
		if started.Progress != nil {
			r.Progress = started.Progress
		}
		if started.Answer != nil {
			r.Answer = started.Answer
		}
		return sameStart(*r, started)
	})
	return err
}

// FinishRequest implements persistence.RequestQueue.
func (q queue) FinishRequest(ctx context.Context, owned persistence.Lease, started persistence.Request) (bool, error) {
	return q.underLease(ctx, owned, started.ID, func(r *persistence.Request) bool {
		if !sameStart(*r, started) {
			return false
		}
		if started.Answer != nil {
			r.Answer = started.Answer
		}
		end(r, started.Reason)
		return true
	})
}

// Fail implements persistence.RequestQueue.
func (q queue) Fail(ctx context.Context, id, reason string) (bool, error) {
	return q.change(ctx, id, func(r *persistence.Request) bool {
		overdue := r.State == persistence.RequestPending && !r.OverdueAt.After(now())
		end(r, reason)
		return overdue
	})
}

// Withdraw implements persistence.RequestQueue.
func (q queue) Withdraw(ctx context.Context, id, reason string) (bool, error) {
	return q.change(ctx, id, func(r *persistence.Request) bool {
		pending := r.State == persistence.RequestPending
		end(r, reason)
		return pending
	})
}

// end ends a request, as failed if there is a reason.
func end(r *persistence.Request, reason string) {
	at, keep := now(), persistence.KeepRequest
	if r.Kind == persistence.StatusRequest {
		keep = persistence.KeepStatus
	}
	expires := at.Add(keep)
	r.State, r.Reason, r.EndedAt, r.ExpiresAt = persistence.RequestDone, reason, &at, &expires
	if reason != "" {
		r.State = persistence.RequestFailed
	}
}

func sameStart(r, started persistence.Request) bool {
	return r.State == persistence.RequestRunning && r.Epoch == started.Epoch && r.Starts == started.Starts
}

// underLease is change under the condition that the chain's lease still equals owned.
func (q queue) underLease(ctx context.Context, owned persistence.Lease, id string, change func(*persistence.Request) bool) (changed bool, err error) {
	err = q.writing(ctx, func(conn *sqlite.Conn) error {
		epoch, err := leaseEpoch(conn, owned.Chain)
		if err != nil {
			return err
		}
		if epoch != owned.Epoch {
			return fmt.Errorf("%s: %w", owned.Chain, persistence.ErrLeaseChanged)
		}
		changed, err = changeRequest(conn, id, change)
		return err
	})
	return changed && err == nil, err
}

// change changes a request, if it exists and the function says so.
func (q queue) change(ctx context.Context, id string, change func(*persistence.Request) bool) (changed bool, err error) {
	err = q.writing(ctx, func(conn *sqlite.Conn) error {
		changed, err = changeRequest(conn, id, change)
		return err
	})
	return changed && err == nil, err
}

func changeRequest(conn *sqlite.Conn, id string, change func(*persistence.Request) bool) (bool, error) {
	found, err := requestsWhere(conn, "id = ?", id)
	if err != nil || len(found) == 0 || !change(&found[0]) {
		return false, err
	}
	return true, putRequest(conn, found[0])
}

// requestsWhere returns the requests that a condition with one parameter matches, sorted by
// ID.
func requestsWhere(conn *sqlite.Conn, condition, arg string) (found []persistence.Request, err error) {
	err = each(conn, "SELECT doc FROM requests WHERE "+condition+" ORDER BY id", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, arg)
	}, func(row *sqlite.Stmt) error {
		var r persistence.Request
		if err := json.Unmarshal(text(row, 0, nil), &r); err != nil {
			return damaged("request", "", err)
		}
		found = append(found, r)
		return nil
	})
	return found, err
}

func putRequest(conn *sqlite.Conn, r persistence.Request) error {
	return putDocument(conn, persistence.Requests, r.ID, r)
}
