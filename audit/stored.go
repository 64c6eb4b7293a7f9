package audit

import (
	"context"
	"errors"

	"github.com/imart/event-worker/persistence"
)

// stored is a read-only currencies.Store.
type stored struct{ docs persistence.Querier }

// Currencies implements currencies.Store.
func (s stored) Currencies(ctx context.Context, ids []string) ([]persistence.KnownCurrency, error) {
	var one persistence.Or
	for _, id := range ids {
		one = append(one, persistence.Equals("_id", id))
	}
	return persistence.Collect[persistence.KnownCurrency](ctx, s.docs, persistence.Query{Collection: persistence.Currencies, Filter: persistence.Filter{Condition: one}})
}

// AddCurrencies implements currencies.Store. It is never called, because no chain is asked.
func (s stored) AddCurrencies(context.Context, []persistence.KnownCurrency) ([]persistence.KnownCurrency, error) {
	return nil, errors.New("an audit writes nothing")
}
