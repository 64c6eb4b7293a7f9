package embedded

import (
	"context"
	"encoding/json"
	"iter"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

var _ persistence.Snapshots = (*Reader)(nil)

// Snapshot implements persistence.Snapshots.
func (r *Reader) Snapshot(ctx context.Context, do func(persistence.Querier) error) error {
	return r.readSnapshot(ctx, func(conn *sqlite.Conn) error { return do(snapshot{conn}) })
}

// snapshot answers queries in the transaction of its connection.
type snapshot struct{ conn *sqlite.Conn }

// Query implements persistence.Querier. The context is that of Snapshot.
func (s snapshot) Query(_ context.Context, query persistence.Query) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		err := search(query, func(doc json.RawMessage) bool { return yield(doc, nil) },
			func(do func(*sqlite.Conn) error) error { return do(s.conn) })
		if err != nil {
			yield(nil, err)
		}
	}
}
