package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
)

// PutAudit implements persistence.Store.
func (s *Store) PutAudit(ctx context.Context, doc persistence.Audit) error {
	return s.replace(ctx, persistence.Audits, doc.Chain, doc)
}

// replace writes a document with the key id, in place of an earlier one.
func (s *Store) replace(ctx context.Context, collection, id string, doc any) error {
	return s.work(func() error {
		return retry(ctx, func() error {
			_, err := s.collection(collection).ReplaceOne(ctx, byID(id), doc, options.Replace().SetUpsert(true))
			return err
		})
	})
}
