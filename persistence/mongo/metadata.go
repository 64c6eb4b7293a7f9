package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
)

// PutMetadata implements persistence.Store.
func (s *Store) PutMetadata(ctx context.Context, doc persistence.Metadata) error {
	return s.work(func() error {
		return retry(ctx, func() error {
			_, err := s.collection(persistence.MetadataDocs).ReplaceOne(ctx, byID(doc.ID), doc, options.Replace().SetUpsert(true))
			return err
		})
	})
}
