package storetest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// matches says whether a condition holds for a document, in the plainest way.
func matches(c persistence.Condition, doc any) bool {
	switch c := c.(type) {
	case persistence.And:
		return !slices.ContainsFunc(c, func(c persistence.Condition) bool { return !matches(c, doc) })
	case persistence.Or:
		return slices.ContainsFunc(c, func(c persistence.Condition) bool { return matches(c, doc) })
	case persistence.Not:
		return !matches(c.Condition, doc)
	case persistence.Exists:
		return len(reached(doc, strings.Split(c.Path, "."))) > 0
	case persistence.Compare:
		values := reached(doc, strings.Split(c.Path, "."))
		if c.Operand == nil {
			return c.Operator != persistence.Less && c.Operator != persistence.Greater && (len(values) == 0 || slices.Contains(values, nil))
		}
		return slices.ContainsFunc(values, func(v any) bool {
			order, comparable := compare(v, c.Operand)
			return comparable && holds(c.Operator, order)
		})
	}
	return true // no condition
}

// reached is what a path leads to, through the elements of lists.
func reached(v any, path []string) (values []any) {
	if list, ok := v.([]any); ok {
		for _, element := range list {
			values = append(values, reached(element, path)...)
		}
		return values
	}
	if len(path) == 0 {
		return []any{v}
	}
	fields, _ := v.(map[string]any)
	if field, ok := fields[path[0]]; ok {
		return reached(field, path[1:])
	}
	return nil
}

// compare compares a value with an operand of the same type.
func compare(v, operand any) (order int, comparable bool) {
	switch operand := operand.(type) {
	case bool:
		b, ok := v.(bool)
		return cmp.Compare(asInt(b), asInt(operand)), ok
	case int64:
		n, ok := v.(json.Number)
		f, _ := n.Float64()
		return cmp.Compare(f, float64(operand)), ok
	case string:
		s, ok := v.(string)
		return strings.Compare(s, operand), ok
	case time.Time:
		s, _ := v.(string)
		t, err := time.Parse(time.RFC3339Nano, s)
		return t.Compare(operand), err == nil
	case markets.Amount:
		s, ok := v.(string)
		return markets.Amount(s).Cmp(operand), ok
	}
	return 0, false
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func holds(o persistence.Operator, order int) bool {
	switch o {
	case persistence.Equal:
		return order == 0
	case persistence.Greater:
		return order > 0
	case persistence.GreaterOrEqual:
		return order >= 0
	case persistence.Less:
		return order < 0
	}
	return order <= 0
}

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
