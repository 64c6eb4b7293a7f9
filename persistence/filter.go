package persistence

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/imart/event-worker/markets"
)

// Filter is a parsed filter in MongoDB's query syntax. The zero Filter matches
// everything.
type Filter struct{ Condition Condition }

// Condition is And, Or, Not, Compare or Exists.
type Condition interface{ condition() }

// And holds if all of its conditions hold.
type And []Condition

// Or holds if any of its conditions holds.
type Or []Condition

// Not holds if its condition does not hold.
type Not struct{ Condition Condition }

// Compare compares the value at a dotted path, or any of its elements if it is a list.
// It holds only for values of the operand's type: only strings are less than a string.
//
// Operand is nil, a bool, an int64, a float64, a string, a time.Time (in UTC) or a
// markets.Amount. A missing field equals nil. Amounts are stored as decimal strings, but
// compared numerically.
type Compare struct {
	Path     string
	Operator Operator
	Operand  any
}

// Is holds for documents with a given value at a path.
func Is(path string, value any) Compare { return Compare{path, Equal, value} }

// Exists holds for documents that have the path, including those with null.
type Exists struct{ Path string }

func (And) condition()     {}
func (Or) condition()      {}
func (Not) condition()     {}
func (Compare) condition() {}
func (Exists) condition()  {}

// Operator is a comparison operator.
type Operator string

// The operators of Compare. The others are translated to Not and Or.
const (
	Equal          Operator = "$eq"
	Greater        Operator = "$gt"
	GreaterOrEqual Operator = "$gte"
	Less           Operator = "$lt"
	LessOrEqual    Operator = "$lte"
)

// The limits of a filter.
const (
	maxFilterLength = 64 << 10 // bytes
	maxFilterDepth  = 32
	maxConditions   = 1000
	maxPathLength   = 200 // bytes
	maxPathParts    = 16
)

// FieldKind determines how the operands of a field are parsed.
type FieldKind int

// The kinds of fields.
const (
	PlainField  FieldKind = iota // as written
	AmountField                  // as a markets.Amount
	DateField                    // as a time
)

// Fields describes the fields that a filter may name, by their dotted paths.
type Fields interface {
	// Kind returns how operands of the field are parsed.
	Kind(path string) FieldKind
	// Check returns an error if documents never have the field.
	Check(path string) error
	// Spellings returns the stored values that text may stand for, at least one: an address
	// has several spellings, one of which is stored. It returns an error if the field never
	// equals text.
	Spellings(path, text string) ([]string, error)
}

// ParseFilter parses a filter in MongoDB's query syntax: JSON, in which names may be
// unquoted and strings may have single quotes, as in mongosh.
//
//	{"status": "LISTING", "price": {"$lte": "1500000000000000000"}}
//	{$or: [{maker: 'x'}, {taker: 'x'}], listedAt: {$gte: '2024-01-01T00:00:00Z'}}
//
// Amounts may be written as strings or as numbers, dates in RFC 3339. The error is one line
// with the problem, its position, and the valid alternatives.
func ParseFilter(text string, fields Fields) (Filter, error) {
	if len(text) > maxFilterLength {
		return Filter{}, fmt.Errorf("filter: longer than %d bytes", maxFilterLength)
	}
	if strings.TrimSpace(text) == "" {
		return Filter{}, nil
	}
	v, err := parseLiteral(text)
	if err != nil {
		return Filter{}, fmt.Errorf("filter: %w", err)
	}
	c := compiler{fields: fields}
	conditions, err := c.document(v)
	if err != nil {
		return Filter{}, fmt.Errorf("filter: %w", err)
	}
	if len(conditions) == 0 {
		return Filter{}, nil
	}
	return Filter{all(conditions)}, nil
}

// compiler converts a literal to conditions and counts them.
type compiler struct {
	fields     Fields
	conditions int
}

// all returns the only condition, or And of several.
func all(conditions []Condition) Condition {
	if len(conditions) == 1 {
		return conditions[0]
	}
	return And(conditions)
}

// document compiles {field: …, $and: […], …}.
func (c *compiler) document(v literal) ([]Condition, error) {
	if v.kind != object {
		return nil, v.errorf("expected a document like {\"status\": \"LISTING\"}, not %s", v.describe())
	}
	var out []Condition
	for _, m := range v.members {
		condition, err := c.member(m)
		if err != nil {
			return nil, err
		}
		out = append(out, condition)
	}
	return out, nil
}

func (c *compiler) member(m member) (Condition, error) {
	switch m.name {
	case "$and", "$or", "$nor":
		return c.junction(m)
	}
	if strings.HasPrefix(m.name, "$") {
		return nil, m.errorf("unknown operator %s here; known are $and, $or, $nor", m.name)
	}
	if err := checkPath(m.name); err != nil {
		return nil, m.errorf("%v", err)
	}
	if err := c.fields.Check(m.name); err != nil {
		return nil, m.errorf("%v", err)
	}
	return c.field(m.name, m.value)
}

// junction compiles $and, $or or $nor and its list of documents.
func (c *compiler) junction(m member) (Condition, error) {
	if m.value.kind != array || len(m.value.elements) == 0 {
		return nil, m.value.errorf("%s takes a list of documents that is not empty, not %s", m.name, m.value.describe())
	}
	var parts []Condition
	for _, e := range m.value.elements {
		conditions, err := c.document(e)
		if err != nil {
			return nil, err
		}
		parts = append(parts, all(conditions))
	}
	switch m.name {
	case "$and":
		return And(parts), nil
	case "$or":
		return Or(parts), nil
	}
	return Not{Or(parts)}, nil
}

// field compiles the value of a field: a value to equal, or operators.
func (c *compiler) field(path string, v literal) (Condition, error) {
	if !v.operators() {
		return c.compare(path, Equal, v)
	}
	var parts []Condition
	for _, m := range v.members {
		condition, err := c.operator(path, m)
		if err != nil {
			return nil, err
		}
		parts = append(parts, condition)
	}
	return all(parts), nil
}

func (c *compiler) operator(path string, m member) (Condition, error) {
	switch m.name {
	case "$eq", "$gt", "$gte", "$lt", "$lte":
		return c.compare(path, Operator(m.name), m.value)
	case "$ne":
		return not(c.compare(path, Equal, m.value))
	case "$in":
		return c.in(path, m)
	case "$nin":
		return not(c.in(path, m))
	case "$not":
		if !m.value.operators() {
			return nil, m.value.errorf("$not takes operators like {\"$gt\": 1}, not %s", m.value.describe())
		}
		return not(c.field(path, m.value))
	case "$exists":
		return c.exists(path, m)
	}
	return nil, m.errorf("unknown operator %s; known are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not", m.name)
}

func not(condition Condition, err error) (Condition, error) {
	if err != nil {
		return nil, err
	}
	return Not{condition}, nil
}

func (c *compiler) in(path string, m member) (Condition, error) {
	if m.value.kind != array {
		return nil, m.value.errorf("%s takes a list, not %s", m.name, m.value.describe())
	}
	parts := Or{}
	for _, e := range m.value.elements {
		condition, err := c.compare(path, Equal, e)
		if err != nil {
			return nil, err
		}
		parts = append(parts, condition)
	}
	return parts, nil
}

// exists compiles $exists, whose operand may be a number too, as in MongoDB.
func (c *compiler) exists(path string, m member) (Condition, error) {
	if err := c.count(m.value); err != nil {
		return nil, err
	}
	switch {
	case m.value.kind == boolean && m.value.text == "true", m.value.kind == number && m.value.text == "1":
		return Exists{path}, nil
	case m.value.kind == boolean, m.value.kind == number && m.value.text == "0":
		return Not{Exists{path}}, nil
	}
	return nil, m.value.errorf("$exists takes true or false, not %s", m.value.describe())
}

func (c *compiler) compare(path string, operator Operator, v literal) (Condition, error) {
	if err := c.count(v); err != nil {
		return nil, err
	}
	value, err := c.operand(path, v)
	if err != nil {
		return nil, err
	}
	if text, ok := value.(string); ok && operator == Equal {
		return c.equal(path, text, v)
	}
	return Compare{path, operator, value}, nil
}

// equal compares a field with all spellings of a text.
func (c *compiler) equal(path, text string, v literal) (Condition, error) {
	spellings, err := c.fields.Spellings(path, text)
	if err != nil {
		return nil, v.errorf("%v", err)
	}
	var parts Or
	for _, spelling := range spellings {
		parts = append(parts, Compare{path, Equal, spelling})
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return parts, nil
}

func (c *compiler) count(v literal) error {
	if c.conditions++; c.conditions > maxConditions {
		return v.errorf("more than %d conditions", maxConditions)
	}
	return nil
}

// operand converts a literal that is compared with a field.
func (c *compiler) operand(path string, v literal) (any, error) {
	if date, ok := v.date(); ok {
		return parseDate(date)
	}
	switch v.kind {
	case null:
		return nil, nil
	case boolean:
		return v.text == "true", nil
	case object, array:
		return nil, v.errorf("%s cannot be compared with %s: name a field in it, like %s.x", path, v.describe(), path)
	}
	switch c.fields.Kind(path) {
	case AmountField:
		amount, err := markets.ParseAmount(v.text)
		if err != nil {
			return nil, v.errorf("%s is an amount, a whole number of smallest units of at most 256 bits, not %.100q", path, v.text)
		}
		return amount, nil
	case DateField:
		return parseDate(v)
	}
	if v.kind == str {
		return v.text, nil
	}
	if n, err := strconv.ParseInt(v.text, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil {
		return nil, v.errorf("%.100q is not a number", v.text)
	}
	return f, nil
}

func parseDate(v literal) (any, error) {
	t, err := time.Parse(time.RFC3339Nano, v.text)
	if v.kind != str || err != nil {
		return nil, v.errorf("expected a date like \"2024-01-31T12:00:00Z\", not %.100q", v.text)
	}
	return t.UTC(), nil
}

// checkPath returns an error unless a dotted path is valid.
func checkPath(path string) error {
	if len(path) > maxPathLength || strings.Count(path, ".") >= maxPathParts {
		return fmt.Errorf("%.100q… is not a field: it is too long", path)
	}
	for part := range strings.SplitSeq(path, ".") {
		if part == "" || strings.HasPrefix(part, "$") || strings.ContainsFunc(part, notInName) {
			return fmt.Errorf("%.100q is not a field: write a dotted path like token.collection", path)
		}
	}
	return nil
}

func notInName(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }
