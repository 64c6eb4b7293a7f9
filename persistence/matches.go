package persistence

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/markets"
)

// Matches reports whether a filter matches a document in the JSON form that Query yields, as
// stores do.
func (f Filter) Matches(doc json.RawMessage) (bool, error) {
	if f.Condition == nil {
		return true, nil
	}
	var value any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return false, err
	}
	return holdsFor(f.Condition, value), nil
}

// holdsFor reports whether a condition holds for a value of decoded JSON.
func holdsFor(c Condition, doc any) bool {
	switch c := c.(type) {
	case And:
		return !slices.ContainsFunc(c, func(c Condition) bool { return !holdsFor(c, doc) })
	case Or:
		return slices.ContainsFunc(c, func(c Condition) bool { return holdsFor(c, doc) })
	case Not:
		return !holdsFor(c.Condition, doc)
	case Exists:
		return len(reached(doc, strings.Split(c.Path, "."))) > 0
	case Compare:
		values := reached(doc, strings.Split(c.Path, "."))
		if c.Operand == nil {
			return c.Operator != Less && c.Operator != Greater && (len(values) == 0 || slices.Contains(values, nil))
		}
		return slices.ContainsFunc(values, func(v any) bool {
			order, ok := compareWith(v, c.Operand)
			return ok && holds(c.Operator, order)
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

// compareWith compares a value with an operand of the same type.
func compareWith(v, operand any) (order int, ok bool) {
	switch operand := operand.(type) {
	case bool:
		b, ok := v.(bool)
		return cmp.Compare(asInt(b), asInt(operand)), ok
	case int64:
		n, ok := v.(json.Number)
		f, _ := n.Float64()
		return cmp.Compare(f, float64(operand)), ok
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

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func holds(o Operator, order int) bool {
	switch o {
	case Equal:
		return order == 0
	case Greater:
		return order > 0
	case GreaterOrEqual:
		return order >= 0
	case Less:
		return order < 0
	}
	return order <= 0
}

// Paths are the dotted paths of the fields that a filter compares.
func (f Filter) Paths() []string { return pathsOf(f.Condition, nil) }

func pathsOf(c Condition, to []string) []string {
	switch c := c.(type) {
	case And:
		for _, c := range c {
			to = pathsOf(c, to)
		}
	case Or:
		for _, c := range c {
			to = pathsOf(c, to)
		}
	case Not:
		return pathsOf(c.Condition, to)
	case Exists:
		return append(to, c.Path)
	case Compare:
		return append(to, c.Path)
	}
	return to
}
