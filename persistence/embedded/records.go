package embedded

import (
	"encoding/json"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Records implements markets.Book.
func (t *tx) Records(keys []string) (map[string]markets.Record, error) {
	found := make(map[string]markets.Record, len(keys))
	err := t.eachRecord(keys, func(key string, id int64) error {
		doc, err := t.stored(persistence.Records, id)
		if err != nil || doc == nil {
			return err
		}
		var record markets.Record
		if err := decode(doc, &record); err != nil {
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
	before, err := t.stored(persistence.Records, id)
	if err != nil {
		return err
	}
	t.log.put(persistence.Records, id, before)
	_, err = run(t.conn, "INSERT INTO records (id, doc) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET doc = ?2", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, id)
		stmt.BindText(2, string(doc))
	})
	return err
}

// DeleteRecords implements markets.Book.
func (t *tx) DeleteRecords(keys []string) error {
	return t.eachRecord(keys, func(_ string, id int64) error {
		_, err := t.removeByID(persistence.Records, id)
		return err
	})
}

// eachRecord calls do for each record.
func (t *tx) eachRecord(keys []string, do func(key string, id int64) error) error {
	return t.step(func() error {
		for _, key := range keys {
			id, err := t.find(key)
			if err != nil {
				return err
			}
			if err := do(key, id); err != nil {
				return err
			}
		}
		return nil
	})
}
