package persistence

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/imart/event-worker/markets"
)

// Filter is a filter in MongoDB's query syntax, parsed. The zero Filter matches
// everything.
type Filter struct{ Condition Condition }

// Condition is And, Or, Not, Compare or Exists.
type Condition interface{ condition() }

// And holds if all of its conditions do.
type And []Condition

// Or holds if any of its conditions does.
type Or []Condition

// Not holds if its condition does not.
type Not struct{ Condition Condition }

// Compare compares the value at a dotted path, or any of its elements if it is a
// list. It holds for values of the operand's type only: nothing is less than a
// string but strings.
//
// Operand is nil, a bool, an int64, a float64, a string, a time.Time (in UTC) or a
// markets.Amount. Equal to nil is a field that is missing too. Amounts are kept as
// decimal strings: they compare as the numbers that they are.
type Compare struct {
	Path     string
	Operator Operator
	Operand  any
}

// Is holds for documents with a value at a path.
func Is(path string, value any) Compare { return Compare{path, Equal, value} }

// Exists holds for documents that have the path, be it null.
type Exists struct{ Path string }

func (And) condition()     {}
func (Or) condition()      {}
func (Not) condition()     {}
func (Compare) condition() {}
func (Exists) condition()  {}

// Operator is one of those that compare.
type Operator string

// The operators of Compare. The others become Not and Or.
const (
	Equal          Operator = "$eq"
	Greater        Operator = "$gt"
	GreaterOrEqual Operator = "$gte"
	Less           Operator = "$lt"
	LessOrEqual    Operator = "$lte"
)

// What filters may ask for at most.
const (
	maxFilterLength = 64 << 10 // bytes
	maxFilterDepth  = 32
	maxConditions   = 1000
	maxPathLength   = 200 // bytes
	maxPathParts    = 16
)

// FieldKind is how the operands are read that a field is compared with.
type FieldKind int

// The kinds of fields.
const (
	PlainField  FieldKind = iota // as they are written
	AmountField                  // as a markets.Amount
	DateField                    // as a time
)

// ParseFilter reads a filter in MongoDB's query syntax: JSON, in which names may
// go without quotes and strings have single ones, as in mongosh.
//
//	{"status": "LISTING", "price": {"$lte": "1500000000000000000"}}
//	{$or: [{maker: 'x'}, {taker: 'x'}], listedAt: {$gte: '2024-01-01T00:00:00Z'}}
//
// Amounts may be written as strings or as numbers, dates in RFC 3339; kind tells which
// fields those are, by their dotted paths. The error is one line that says what is
// wrong, where, and what is known.
func ParseFilter(text string, kind func(path string) FieldKind) (Filter, error) {
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
	c := compiler{kind: kind}
	conditions, err := c.document(v)
	if err != nil {
		return Filter{}, fmt.Errorf("filter: %w", err)
	}
	if len(conditions) == 0 {
		return Filter{}, nil
	}
	return Filter{all(conditions)}, nil
}

// compiler turns a literal into conditions and counts them.
type compiler struct {
	kind       func(path string) FieldKind
	conditions int
}

// all is the one condition, or And of several.
func all(conditions []Condition) Condition {
	if len(conditions) == 1 {
		return conditions[0]
	}
	return And(conditions)
}

// document reads {field: …, $and: […], …}.
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
	return c.field(m.name, m.value)
}

// junction reads $and, $or or $nor and its list of documents.
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

// field reads what stands behind a field's name: a value to equal, or operators.
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

// exists reads $exists, which MongoDB lets be a number too.
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
	return Compare{path, operator, value}, nil
}

func (c *compiler) count(v literal) error {
	if c.conditions++; c.conditions > maxConditions {
		return v.errorf("more than %d conditions", maxConditions)
	}
	return nil
}

// operand is the value of a literal that is compared with a field.
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
	switch c.kind(path) {
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
		return nil, v.errorf("%.100q is no number", v.text)
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

// checkPath says what is wrong with a dotted path.
func checkPath(path string) error {
	if len(path) > maxPathLength || strings.Count(path, ".") >= maxPathParts {
		return fmt.Errorf("%.100q… is no field: it is too long", path)
	}
	for part := range strings.SplitSeq(path, ".") {
		if part == "" || strings.HasPrefix(part, "$") || strings.ContainsFunc(part, notInName) {
			return fmt.Errorf("%.100q is no field: write a dotted path like token.collection", path)
		}
	}
	return nil
}

func notInName(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }
