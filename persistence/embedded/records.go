package embedded

import (
	"encoding/json"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
)

// Records is markets.Book's.
func (t *tx) Records(keys []string) (map[string]markets.Record, error) {
	found := make(map[string]markets.Record, len(keys))
	err := t.eachRecord(keys, "SELECT doc FROM records WHERE market = ? AND key = ?", func(key string, row *sqlite.Stmt) error {
		var record markets.Record
		if err := decode(text(row, 0, nil), &record); err != nil {
			return damaged("record", key, err)
		}
		found[key] = record
		return nil
	})
	return found, err
}

// PutRecords is markets.Book's.
func (t *tx) PutRecords(records []markets.Record) error {
	return t.step(func() error {
		market, err := t.number("")
		if err != nil {
			return err
		}
		for _, record := range records {
			doc, err := json.Marshal(record)
			if err != nil {
				return err
			}
			if _, err := run(t.conn, "INSERT INTO records (market, key, doc) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET doc = excluded.doc", func(stmt *sqlite.Stmt) {
				stmt.BindInt64(1, market)
				stmt.BindText(2, markets.RecordKey(record.Type, record.Key))
				stmt.BindText(3, string(doc))
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteRecords is markets.Book's.
func (t *tx) DeleteRecords(keys []string) error {
	return t.eachRecord(keys, "DELETE FROM records WHERE market = ? AND key = ?", func(string, *sqlite.Stmt) error { return nil })
}

// eachRecord runs a query on the market and each of the keys.
func (t *tx) eachRecord(keys []string, query string, do func(key string, row *sqlite.Stmt) error) error {
	return t.step(func() error {
		market, err := t.number("")
		if err != nil {
			return err
		}
		for _, key := range keys {
			err := each(t.conn, query, func(stmt *sqlite.Stmt) {
				stmt.BindInt64(1, market)
				stmt.BindText(2, key)
			}, func(row *sqlite.Stmt) error { return do(key, row) })
			if err != nil {
				return err
			}
		}
		return nil
	})
}
