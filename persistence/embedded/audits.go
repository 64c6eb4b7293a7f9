package embedded

import (
	"context"
	"encoding/json"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// PutAudit implements persistence.Store.
func (s *Store) PutAudit(ctx context.Context, doc persistence.Audit) error {
	return s.replace(ctx, persistence.Audits, doc.Chain, doc)
}

// replace writes a document that is stored with its key, in place of the one before.
func (s *Store) replace(ctx context.Context, collection, id string, doc any) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return s.write(ctx, func(conn *sqlite.Conn) error {
		_, err := run(conn, "INSERT INTO "+collection+" (id, doc) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc", func(stmt *sqlite.Stmt) {
			stmt.BindText(1, id)
			stmt.BindText(2, string(text))
		})
		return err
	})
}
