package mongo

import (
	"context"

	"github.com/imart/event-worker/persistence"
)

// PutMetadata implements persistence.Store.
func (s *Store) PutMetadata(ctx context.Context, doc persistence.Metadata) error {
	return s.replace(ctx, persistence.MetadataDocs, doc.ID, doc)
}
