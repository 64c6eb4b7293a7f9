package embedded

import (
	"context"
	"encoding/json"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// PutMetadata implements persistence.Store.
func (s *Store) PutMetadata(ctx context.Context, doc persistence.Metadata) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return s.write(ctx, func(conn *sqlite.Conn) error {
		_, err := run(conn, "INSERT INTO metadata (id, doc) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc", func(stmt *sqlite.Stmt) {
			stmt.BindText(1, doc.ID)
			stmt.BindText(2, string(text))
		})
		return err
	})
}
