package embedded

import (
	"encoding/json"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
)

// Records implements markets.Book.
func (t *tx) Records(keys []string) (map[string]markets.Record, error) {
	found := make(map[string]markets.Record, len(keys))
	err := t.eachRecord(keys, "SELECT doc FROM records WHERE id = ?", func(key string, row *sqlite.Stmt) error {
		var record markets.Record
		if err := decode(text(row, 0, nil), &record); err != nil {
			return damaged("record", key, err)
		}
		found[key] = record
		return nil
	})
	return found, err
}

// PutRecords implements markets.Book.
func (t *tx) PutRecords(records []markets.Record) error {
	return t.step(func() error {
		for i := range records {
			if err := t.putRecord(&records[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) putRecord(record *markets.Record) error {
	id, err := t.number(markets.RecordKey(record.Type, record.Key))
	if err != nil {
		return err
	}
	doc, err := json.Marshal(record)
	if err != nil {
		return err
	}
	_, err = run(t.conn, "INSERT INTO records (id, doc) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET doc = ?2", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, id)
		stmt.BindText(2, string(doc))
	})
	return err
}

// DeleteRecords implements markets.Book.
func (t *tx) DeleteRecords(keys []string) error {
	return t.eachRecord(keys, "DELETE FROM records WHERE id = ?", func(string, *sqlite.Stmt) error { return nil })
}

// eachRecord runs a query for each record.
func (t *tx) eachRecord(keys []string, query string, do func(key string, row *sqlite.Stmt) error) error {
	return t.step(func() error {
		for _, key := range keys {
			id, err := t.find(key)
			if err != nil {
				return err
			}
			err = each(t.conn, query, func(stmt *sqlite.Stmt) { stmt.BindInt64(1, id) },
				func(row *sqlite.Stmt) error { return do(key, row) })
			if err != nil {
				return err
			}
		}
		return nil
	})
}
