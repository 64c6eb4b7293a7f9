// Package matching decides in memory whether a document matches a filter, consistently with
// the queries of the stores.
package matching

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Document reports whether a document, in the JSON form that Query yields, matches a filter.
// The error means that the document is not valid JSON.
func Document(filter persistence.Filter, doc json.RawMessage) (bool, error) {
	if filter.Condition == nil {
		return true, nil
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return false, err
	}
	return Value(filter.Condition, v), nil
}

// Value reports whether a condition holds for a decoded document, whose numbers must be of
// type json.Number. A nil condition holds for all documents.
func Value(c persistence.Condition, doc any) bool {
	switch c := c.(type) {
	case persistence.And:
		return !slices.ContainsFunc(c, func(c persistence.Condition) bool { return !Value(c, doc) })
	case persistence.Or:
		return slices.ContainsFunc(c, func(c persistence.Condition) bool { return Value(c, doc) })
	case persistence.Not:
		return !Value(c.Condition, doc)
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
	return true
}

// reached returns the values at a path, also within the elements of lists.
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
		return compareNumber(n, operand), ok
	case float64:
		n, ok := v.(json.Number)
		f, _ := n.Float64()
		return cmp.Compare(f, operand), ok
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

// compareNumber compares whole numbers exactly, and fractions as floating-point numbers.
func compareNumber(n json.Number, operand int64) int {
	if i, err := n.Int64(); err == nil {
		return cmp.Compare(i, operand)
	}
	f, err := n.Float64()
	if err != nil { // out of range
		f = math.Copysign(math.Inf(1), f)
	}
	return cmp.Compare(f, float64(operand))
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
