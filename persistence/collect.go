package persistence

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
)

// Querier answers queries, as every Store does.
type Querier interface {
	Query(ctx context.Context, query Query) iter.Seq2[json.RawMessage, error]
}

// Collect returns the decoded documents of a query.
func Collect[T any](ctx context.Context, docs Querier, query Query) ([]T, error) {
	var out []T
	for raw, err := range docs.Query(ctx, query) {
		if err != nil {
			return nil, err
		}
		var doc T
		if err := json.Unmarshal(raw, &doc); err != nil {
			return nil, fmt.Errorf("%s: %w", query.Collection, err)
		}
		out = append(out, doc)
	}
	return out, nil
}

// Equals matches documents by the value of a field.
func Equals(path, value string) Compare { return Compare{Path: path, Operator: Equal, Operand: value} }

// Documents matches the market's documents.
func (r MarketRef) Documents() And { return And{Equals("chain", r.Chain), Equals("market", r.Market)} }
