package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence/documents"
)

// The decoders of the documents that encoder writes.
var (
	orderDecoder    = documents.NewDecoder[markets.Order]()
	activityDecoder = documents.NewDecoder[markets.Activity]()
)

// errDamaged means that a stored document cannot be decoded.
var errDamaged = errors.New("is damaged")

// damaged names a stored document that cannot be decoded.
func damaged(kind string, id any, err error) error {
	return fmt.Errorf("stored %s %v %w: %w", kind, id, errDamaged, err)
}

// decode decodes a document whose free-form fields may hold numbers outside float64's
// precision.
func decode(doc []byte, into any) error {
	return documents.DecodeJSON(doc, into)
}

// replace writes a document with the key id, in place of an earlier one.
func (s *Store) replace(ctx context.Context, table, id string, doc any) error {
	return s.write(ctx, func(conn *sqlite.Conn) error { return putDocument(conn, table, id, doc) })
}

// getDocument reads the document with a key from a table whose id is the key; false if it does
// not exist.
func getDocument(conn *sqlite.Conn, table, id string, into any) (found bool, err error) {
	err = each(conn, "SELECT doc FROM "+table+" WHERE id = ?", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, id)
	}, func(row *sqlite.Stmt) error {
		found = true
		if err := json.Unmarshal(text(row, 0, nil), into); err != nil {
			return damaged(table, id, err)
		}
		return nil
	})
	return found, err
}

// putDocument inserts or replaces a document in a table whose id is the key.
func putDocument(conn *sqlite.Conn, table, id string, doc any) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return putText(conn, table, id, string(text))
}

// putText is putDocument for a document in its stored form. It is an update, rather than a
// REPLACE, so that the triggers of changesSchema see one.
func putText(conn *sqlite.Conn, table, id, text string) error {
	_, err := run(conn, "INSERT INTO "+table+" (id, doc) VALUES (?, ?) ON CONFLICT DO UPDATE SET doc = excluded.doc", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, id)
		stmt.BindText(2, text)
	})
	return err
}
