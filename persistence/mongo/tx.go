package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

var errOver = errors.New("the transaction is over")

// tx is an open transaction. Its first error ends it: the server has then aborted the
// transaction, and a later write would not belong to it.
type tx struct {
	store   *Store
	ctx     context.Context // carries the session
	stopped func() error    // returns an error once the transaction should stop
	ref     persistence.MarketRef
	err     error
	// orders records which orders were read or written, and whether they exist.
	orders map[string]bool
}

var _ persistence.Tx = (*tx)(nil)

// within runs do on a market, in the context's transaction. An error of the transaction
// is returned even if do ignores it.
func (s *Store) within(ctx context.Context, stopped func() error, market persistence.MarketRef, do func(tx persistence.Tx) error) error {
	t := &tx{store: s, ctx: ctx, stopped: stopped, ref: market, orders: map[string]bool{}}
	err := do(t)
	failed := t.err
	t.err = errOver // do may have kept t
	switch {
	case failed != nil:
		return errors.Join(failed, err)
	case err != nil:
		return ownError{err}
	}
	return nil
}

// step runs one step of the transaction, unless an earlier one has failed.
func (t *tx) step(do func() error) error {
	if t.err == nil && t.stopped() != nil {
		t.err = errStopped
	}
	if t.err == nil {
		t.err = do()
	}
	return t.err
}

func (t *tx) collection(name string) *driver.Collection { return t.store.collection(name) }

func (t *tx) prefix() string { return t.ref.Chain + "/" + t.ref.Market + "/" }

// ids returns the store's keys of the market's documents.
func (t *tx) ids(keys []string) []string {
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i] = t.prefix() + key
	}
	return ids
}

// inMarket matches the market's documents that also match the given fields.
func (t *tx) inMarket(match ...bson.E) bson.D {
	return append(bson.D{{Key: "chain", Value: t.ref.Chain}, {Key: "market", Value: t.ref.Market}}, match...)
}

func is(field string, value any) bson.E { return bson.E{Key: field, Value: value} }

func in(field string, values []string) bson.E {
	if values == nil {
		values = []string{} // nil would be null, which the server refuses
	}
	return bson.E{Key: field, Value: bson.D{{Key: "$in", Value: values}}}
}

// Places implements markets.Book.
func (t *tx) Places() (map[string]int64, error) {
	places := map[string]int64{}
	err := t.step(func() error {
		actors, err := find[persistence.Actor](t, persistence.Actors, t.inMarket(is("documents", true)),
			options.Find().SetProjection(bson.D{{Key: "stream", Value: 1}, {Key: "seq", Value: 1}}))
		for _, a := range actors {
			places[a.Stream] = a.Seq
		}
		return err
	})
	return places, err
}

// find returns all matching documents.
func find[T any](t *tx, collection string, filter bson.D, o *options.FindOptionsBuilder) ([]T, error) {
	cursor, err := t.collection(collection).Find(t.ctx, filter, o.SetBatchSize(maxBatch))
	if err != nil {
		return nil, err
	}
	var docs []T
	if err := cursor.All(t.ctx, &docs); err != nil {
		return nil, err
	}
	return docs, nil
}

// maxBatch is the number of documents in a reply of the server; its default first batch
// has 101.
const maxBatch = 10_000

// maxCommand is approximately how many bytes of documents an insert command has. The
// server's limit is 16 MiB.
const maxCommand = 8 << 20

// insert adds documents that do not exist yet. The driver's own insert decodes every
// document again to find its key, which costs half as much as encoding the document.
func (t *tx) insert(collection string, docs []any) error {
	for len(docs) > 0 {
		var list bson.A
		for size := 0; len(list) < len(docs) && size < maxCommand; {
			raw, err := documents.Marshal(t.store.registry, docs[len(list)])
			if err != nil {
				return err
			}
			list, size = append(list, raw), size+len(raw)
		}
		docs = docs[len(list):]
		err := t.store.database.RunCommand(t.ctx, bson.D{is("insert", collection), is("ordered", false), is("documents", list)}).Err()
		if err != nil {
			return fmt.Errorf("adding %s: %w", collection, err)
		}
	}
	return nil
}

// replace replaces documents, or inserts them.
func (t *tx) replace(collection string, models []driver.WriteModel) error {
	if len(models) == 0 {
		return nil
	}
	_, err := t.collection(collection).BulkWrite(t.ctx, models, options.BulkWrite().SetOrdered(false))
	return err
}

// remove removes documents by their keys in the store.
func (t *tx) remove(collection string, ids []string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	result, err := t.collection(collection).DeleteMany(t.ctx, bson.D{in("_id", ids)})
	if err != nil {
		return 0, fmt.Errorf("removing %s: %w", collection, err)
	}
	return int(result.DeletedCount), nil
}

// now returns the time with the resolution of stored documents.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
