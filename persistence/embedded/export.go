package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// Count is the number of documents in a collection.
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

// Documents yields the documents of a collection that stand behind a place, in the
// order of their rows: activities as they were written, orders and records as they
// were first met.
func (r *Reader) Documents(ctx context.Context, collection, after string) iter.Seq2[persistence.Document, error] {
	return func(yield func(persistence.Document, error) bool) {
		err := r.documents(ctx, collection, after, func(doc persistence.Document) bool { return yield(doc, nil) })
		if err != nil {
			yield(persistence.Document{}, err)
		}
	}
}

func (r *Reader) documents(ctx context.Context, collection, after string, yield func(persistence.Document) bool) error {
	if !slices.Contains(persistence.Copied, collection) {
		return persistence.UnknownCollection(collection)
	}
	row := int64(0)
	if after != "" {
		var err error
		if row, err = strconv.ParseInt(after, 10, 64); err != nil {
			return fmt.Errorf("%s: no place of a document: %q", collection, after)
		}
	}
	s := selection{collection: collection}
	return r.read(ctx, func(conn *sqlite.Conn) error {
		return each(conn, "SELECT rowid, doc FROM "+collection+" WHERE rowid > ? ORDER BY rowid", func(stmt *sqlite.Stmt) {
			stmt.BindInt64(1, row)
		}, func(row *sqlite.Stmt) error {
			id := row.ColumnInt64(0)
			doc, err := s.document(text(row, 1, nil))
			if err != nil {
				return damaged(collection, id, err)
			}
			if !yield(persistence.Document{At: strconv.FormatInt(id, 10), JSON: doc}) {
				return errEnough
			}
			return nil
		})
	})
}

// Copying is the copy into the store that is not complete; nil if there is none.
func (r *Reader) Copying(ctx context.Context) (copying *persistence.Copying, err error) {
	err = r.read(ctx, func(conn *sqlite.Conn) error {
		tables, err := copies(conn)
		if err != nil || tables == 0 {
			return err
		}
		return each(conn, "SELECT doc FROM unfinished_copy", nothing, func(row *sqlite.Stmt) error {
			copying = new(persistence.Copying)
			if err := json.Unmarshal(text(row, 0, nil), copying); err != nil {
				return damaged("copy", 1, err)
			}
			return nil
		})
	})
	return copying, err
}

// refuseCopy returns ErrUnfinishedCopy if the data folder holds one.
func (r *Reader) refuseCopy(ctx context.Context, dir string) error {
	copying, err := r.Copying(ctx)
	if err != nil || copying == nil {
		return err
	}
	return fmt.Errorf("data folder %s: %w", dir, copying.Unfinished())
}
