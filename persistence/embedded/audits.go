package embedded

import (
	"context"

	"github.com/imart/event-worker/persistence"
)

// PutAudit implements persistence.Store.
func (s *Store) PutAudit(ctx context.Context, doc persistence.Audit) error {
	return s.replace(ctx, persistence.Audits, doc.Chain, doc)
}
