package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Count implements transfer.Source.
func (r *Reader) Count(ctx context.Context, collection string) (n int64, err error) {
	if !slices.Contains(persistence.Copied, collection) {
		return 0, persistence.UnknownCollection(collection)
	}
	err = r.read(ctx, func(conn *sqlite.Conn) (err error) {
		n, err = number(conn, "SELECT count(*) FROM "+collection)
		return err
	})
	return n, err
}

// Batch implements transfer.Source. A position is a row number.
func (r *Reader) Batch(ctx context.Context, collection, after string, limit int) (docs []json.RawMessage, last string, err error) {
	if !slices.Contains(persistence.Copied, collection) {
		return nil, "", persistence.UnknownCollection(collection)
	}
	row := int64(0)
	if after != "" {
		if row, err = strconv.ParseInt(after, 10, 64); err != nil {
			return nil, "", fmt.Errorf("%s: %q is not a position in a data folder", collection, after)
		}
	}
	s, size := selection{collection: collection}, 0
	err = r.read(ctx, func(conn *sqlite.Conn) error {
		return each(conn, "SELECT rowid, doc FROM "+collection+" WHERE rowid > ? ORDER BY rowid LIMIT ?", func(stmt *sqlite.Stmt) {
			stmt.BindInt64(1, row)
			stmt.BindInt64(2, int64(limit))
		}, func(stmt *sqlite.Stmt) error {
			row = stmt.ColumnInt64(0)
			doc, err := s.document(text(stmt, 1, nil))
			if err != nil {
				return damaged(collection, row, err)
			}
			if docs, size = append(docs, doc), size+len(doc); size >= persistence.BatchBytes {
				return errEnough
			}
			return nil
		})
	})
	return docs, strconv.FormatInt(row, 10), err
}

// Copying implements transfer.Target.
func (r *Reader) Copying(ctx context.Context) (at *persistence.Copying, err error) {
	err = r.read(ctx, func(conn *sqlite.Conn) error {
		at, err = copying(conn)
		return err
	})
	return at, err
}

// copying returns the unfinished copy. Its table exists only while there is one.
func copying(conn *sqlite.Conn) (at *persistence.Copying, err error) {
	tables, err := number(conn, "SELECT count(*) FROM sqlite_schema WHERE name = 'unfinished_copy'")
	if err != nil || tables == 0 {
		return nil, err
	}
	err = each(conn, "SELECT doc FROM unfinished_copy", nothing, func(row *sqlite.Stmt) error {
		if err := json.Unmarshal(text(row, 0, nil), &at); err != nil {
			return damaged("copy", 1, err)
		}
		return nil
	})
	return at, err
}

// refuseCopy returns ErrUnfinishedCopy if the data folder holds an unfinished copy.
func (r *Reader) refuseCopy(ctx context.Context, dir string) error {
	at, err := r.Copying(ctx)
	if err != nil || at == nil {
		return err
	}
	return fmt.Errorf("data folder %s: %w", dir, at.Unfinished())
}

// Process implements transfer.Target. The folder's lock lets only one process copy at a time.
func (s *Store) Process() string { return strconv.Itoa(os.Getpid()) }

// Import implements transfer.Target.
func (s *Store) Import(ctx context.Context, owner string, to *persistence.Copying, docs []json.RawMessage) error {
	return s.write(ctx, func(conn *sqlite.Conn) error {
		if err := mark(conn, owner, to); err != nil {
			return err
		}
		for _, doc := range docs {
			if err := s.put(ctx, conn, to.Collection, doc); err != nil {
				return persistence.NameCopied(to.Collection, doc, err)
			}
		}
		return nil
	})
}

// mark records to as the state of the copy, provided that owner owns the copy; nil
// removes the state.
func mark(conn *sqlite.Conn, owner string, to *persistence.Copying) error {
	at, err := copying(conn)
	switch {
	case err != nil:
		return err
	case at == nil && owner != "", at != nil && at.Owner != owner:
		return persistence.ErrOtherCopy
	case to == nil:
		if err := sqlitex.ExecuteTransient(conn, "DROP TABLE unfinished_copy", nil); err != nil {
			return err
		}
		return forgetChanges(conn) // the log of changes does not contain the copied documents
	}
	doc, err := json.Marshal(to)
	if err != nil {
		return err
	}
	if err := sqlitex.Execute(conn, "CREATE TABLE IF NOT EXISTS unfinished_copy (doc TEXT NOT NULL)", nil); err != nil {
		return err
	}
	return sqlitex.ExecuteTransient(conn, "REPLACE INTO unfinished_copy (rowid, doc) VALUES (1, ?)", &sqlitex.ExecOptions{Args: []any{string(doc)}})
}

// Clear implements transfer.Target.
func (s *Store) Clear(ctx context.Context) error {
	return s.write(ctx, func(conn *sqlite.Conn) error {
		if at, err := copying(conn); err != nil || at == nil {
			return errors.Join(err, persistence.ErrOtherCopy)
		}
		clear(s.names)
		for _, table := range append([]string{"names"}, persistence.Copied...) {
			if _, err := run(conn, "DELETE FROM "+table, nothing); err != nil {
				return err
			}
		}
		return nil
	})
}

// put writes a document, replacing one with the same key; activities, notifications and
// dead letters are always inserted.
func (s *Store) put(ctx context.Context, conn *sqlite.Conn, collection string, doc json.RawMessage) error {
	var of struct {
		ID string `json:"_id"`
		persistence.MarketRef
	}
	if err := json.Unmarshal(doc, &of); err != nil {
		return err
	}
	switch collection {
	case persistence.Actors:
		return putKeyed[persistence.Actor](conn, collection, of.ID, doc)
	case persistence.SignedOrders:
		return putKeyed[documents.SignedOrder](conn, collection, of.ID, doc)
	case persistence.Leases:
		return putKeyed[persistence.Lease](conn, collection, of.ID, doc)
	case persistence.Currencies:
		return putKeyed[persistence.KnownCurrency](conn, collection, of.ID, doc)
	case persistence.MetadataDocs:
		return putKeyed[persistence.Metadata](conn, collection, of.ID, doc)
	case persistence.Audits:
		return putKeyed[persistence.Audit](conn, collection, of.ID, doc)
	}
	t, err := newTx(ctx, conn, of.MarketRef, s.names)
	if err != nil {
		return err
	}
	switch collection {
	case persistence.Orders:
		return put(doc, t.putOrder)
	case persistence.Activities:
		return put(doc, t.appendActivity)
	case persistence.Records:
		return put(doc, t.putRecord)
	case persistence.Notifications:
		return put(doc, t.notify)
	case persistence.DeadLetters:
		return put(doc, t.appendDeadLetter)
	}
	return persistence.UnknownCollection(collection)
}

// put checks and writes a market's document, which is stored without its key.
func put[T interface{ ID() string }](doc json.RawMessage, write func(*T) error) error {
	var v T
	if err := decode(doc, &v); err != nil {
		return err
	}
	stored, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if stored, err = withKey(v.ID(), stored); err != nil {
		return err
	}
	if err := persistence.CheckCopy(doc, stored); err != nil {
		return err
	}
	return write(&v)
}

// putKeyed checks and writes a document that is stored with its key.
func putKeyed[T any](conn *sqlite.Conn, collection, id string, doc json.RawMessage) error {
	var v T
	if err := decode(doc, &v); err != nil {
		return err
	}
	stored, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := persistence.CheckCopy(doc, stored); err != nil {
		return err
	}
	return putText(conn, collection, id, string(stored))
}
