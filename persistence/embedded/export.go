package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// Count is transfer.Source's.
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

// Batch is transfer.Source's. Positions are the numbers of rows.
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

// Copying is transfer.Target's.
func (r *Reader) Copying(ctx context.Context) (at *persistence.Copying, err error) {
	err = r.read(ctx, func(conn *sqlite.Conn) error {
		at, err = copying(conn)
		return err
	})
	return at, err
}

// copying returns the unfinished copy, which has a table as long as there is one.
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

// refuseCopy returns ErrUnfinishedCopy if the data folder holds one.
func (r *Reader) refuseCopy(ctx context.Context, dir string) error {
	at, err := r.Copying(ctx)
	if err != nil || at == nil {
		return err
	}
	return fmt.Errorf("data folder %s: %w", dir, at.Unfinished())
}
