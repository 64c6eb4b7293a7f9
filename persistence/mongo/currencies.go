package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
)

// Currencies implements persistence.Store.
func (s *Store) Currencies(ctx context.Context, ids []string) (found []persistence.KnownCurrency, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.work(func() error {
		return retry(ctx, func() error {
			found = nil
			cursor, err := s.collection(persistence.Currencies).Find(ctx, bson.D{in("_id", ids)})
			if err != nil {
				return err
			}
			return cursor.All(ctx, &found)
		})
	})
	return found, err
}

// AddCurrencies implements persistence.Store. Once the server has acknowledged that it has
// inserted a document, or found one, a majority has it: it is what all later reads find.
func (s *Store) AddCurrencies(ctx context.Context, added []persistence.KnownCurrency) ([]persistence.KnownCurrency, error) {
	if len(added) == 0 {
		return nil, nil
	}
	ids := make([]string, len(added))
	inserts := make([]driver.WriteModel, len(added))
	for i, c := range added {
		ids[i] = c.ID
		inserts[i] = driver.NewUpdateOneModel().SetFilter(byID(c.ID)).SetUpdate(bson.D{is("$setOnInsert", c)}).SetUpsert(true)
	}
	err := s.work(func() error {
		return retry(ctx, func() error {
			_, err := s.collection(persistence.Currencies).BulkWrite(ctx, inserts, options.BulkWrite().SetOrdered(false))
			if driver.IsDuplicateKeyError(err) { // another process has inserted one meanwhile
				_, err = s.collection(persistence.Currencies).BulkWrite(ctx, inserts, options.BulkWrite().SetOrdered(false))
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	stored, err := s.Currencies(ctx, ids)
	if err == nil && len(stored) < len(ids) {
		err = s.explain(fmt.Errorf("%d currencies were added, %d are found", len(ids), len(stored)))
	}
	return stored, err
}
