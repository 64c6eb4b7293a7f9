package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Records implements markets.Book.
func (t *tx) Records(keys []string) (map[string]markets.Record, error) {
	found := make(map[string]markets.Record, len(keys))
	if len(keys) == 0 {
		return found, t.err
	}
	err := t.step(func() error {
		docs, err := find[documents.Record](t, persistence.Records, bson.D{in("_id", t.ids(keys))}, options.Find())
		for _, doc := range docs {
			found[markets.RecordKey(doc.Type, doc.Key)] = doc.Record
		}
		return err
	})
	return found, err
}

// PutRecords implements markets.Book.
func (t *tx) PutRecords(records []markets.Record) error {
	return t.step(func() error {
		models := make([]driver.WriteModel, len(records))
		for i, r := range records {
			doc := documents.OfRecord(r)
			models[i] = replacement(doc.ID, doc)
		}
		return t.replace(persistence.Records, models)
	})
}

// DeleteRecords implements markets.Book.
func (t *tx) DeleteRecords(keys []string) error {
	return t.step(func() error {
		_, err := t.remove(persistence.Records, t.ids(keys))
		return err
	})
}
