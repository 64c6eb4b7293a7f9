package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Orders implements markets.Book.
func (t *tx) Orders(keys []string) (map[string]markets.Order, error) {
	found := make(map[string]markets.Order, len(keys))
	if len(keys) == 0 {
		return found, t.err
	}
	err := t.step(func() error {
		docs, err := find[documents.Order](t, persistence.Orders, bson.D{in("_id", t.ids(keys))}, options.Find())
		for _, doc := range docs {
			found[doc.Key] = doc.Order
		}
		for _, key := range keys {
			_, t.orders[key] = found[key]
		}
		return err
	})
	return found, err
}

// OrdersOf implements markets.Book. Keys are in alphabetical order.
func (t *tx) OrdersOf(maker string, nonce markets.Amount, after string, limit int) (found []markets.Order, err error) {
	err = t.step(func() error {
		keys := bson.D{{Key: "$gt", Value: t.prefix() + after}, {Key: "$lt", Value: prefixEnd(t.prefix())}}
		filter, index := bson.D{is("maker", maker), is("_id", keys)}, "maker_id"
		if nonce.Known() {
			filter, index = append(filter, is("nonce", nonce)), "maker_nonce"
		}
		docs, err := find[documents.Order](t, persistence.Orders, filter,
			options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)).SetHint(index))
		for _, doc := range docs {
			found = append(found, doc.Order)
		}
		return err
	})
	return found, err
}

// prefixEnd returns the smallest string greater than all strings with a prefix.
func prefixEnd(prefix string) string {
	last := len(prefix) - 1
	return prefix[:last] + string(prefix[last]+1)
}

// PutOrders implements markets.Book.
func (t *tx) PutOrders(orders []markets.Order) error {
	return t.step(func() error {
		var fresh []any // known not to exist: an insert is cheaper than an upsert
		var others []driver.WriteModel
		for _, o := range orders {
			doc := documents.OfOrder(o)
			if exists, known := t.orders[o.Key]; known && !exists {
				fresh = append(fresh, doc)
			} else {
				others = append(others, replacement(doc.ID, doc))
			}
			t.orders[o.Key] = true
		}
		if err := t.insert(persistence.Orders, fresh); err != nil {
			return err
		}
		return t.replace(persistence.Orders, others)
	})
}

// replacement replaces a document, or inserts it.
func replacement(id, doc any) driver.WriteModel {
	return driver.NewReplaceOneModel().SetFilter(bson.D{is("_id", id)}).SetReplacement(doc).SetUpsert(true)
}

// DeleteOrders implements markets.Book.
func (t *tx) DeleteOrders(keys []string) error {
	return t.step(func() error {
		for _, key := range keys {
			t.orders[key] = false
		}
		_, err := t.remove(persistence.Orders, t.ids(keys))
		return err
	})
}
