package storetest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// condition draws a condition on the documents of shop, at most depth deep.
func condition(t *rapid.T, depth int) persistence.Condition {
	if depth > 0 && rapid.Bool().Draw(t, "nested") {
		parts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) persistence.Condition { return condition(t, depth-1) }), 0, 3).Draw(t, "parts")
		return rapid.SampledFrom([]persistence.Condition{
			persistence.And(parts), persistence.Or(parts), persistence.Not{Condition: persistence.And(parts)},
		}).Draw(t, "junction")
	}
	path := rapid.SampledFrom([]string{
		"key", "status", "maker", "price", "quantity", "last.height", "anomalies", "listedAt", "soldAt",
		"token.collection", "token.name", "bundle.quantity", "bundle.collection", "bundle.name", "nothing.here",
	}).Draw(t, "path")
	if rapid.IntRange(0, 5).Draw(t, "exists") == 0 {
		return persistence.Exists{Path: path}
	}
	operator := rapid.SampledFrom([]persistence.Operator{
		persistence.Equal, persistence.Greater, persistence.GreaterOrEqual, persistence.Less, persistence.LessOrEqual,
	}).Draw(t, "operator")
	return persistence.Compare{Path: path, Operator: operator, Operand: operandOf(t, path)}
}

// operandOf draws an operand that a filter on the path can have.
func operandOf(t *rapid.T, path string) any {
	operands := []any{nil, true, int64(0), int64(2), int64(20), "0", "2", "10", "SOLD", "0xC", "0xM"}
	switch documents.Of(persistence.Orders).Kind(path) {
	case persistence.AmountField:
		operands = []any{nil, true, markets.Amount("5"), markets.Amount("9"), markets.Amount("10"), markets.Amount("1000000000000000000000000000000"), greatest}
	case persistence.DateField:
		operands = []any{nil, true, at(0), at(0).AddDate(0, 0, 2), at(0).AddDate(0, 0, 2).Add(time.Second / 2)}
	}
	return rapid.SampledFrom(operands).Draw(t, "operand")
}
