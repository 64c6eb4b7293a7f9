package embedded

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// sqlText is a fragment of SQL on the documents of a collection, and the arguments of
// its placeholders.
type sqlText struct {
	of   documents.Collection
	text strings.Builder
	args []any
	// byPrice means that the orders are restricted to one side of order books, whose column book
	// sorts as unit prices do.
	byPrice bool
}

func (s *sqlText) add(text string, args ...any) {
	s.text.WriteString(text)
	s.args = append(s.args, args...)
}

// condition appends a filter's condition on the document in the column doc. The appended
// expression is true or false, never NULL.
func (s *sqlText) condition(c persistence.Condition) error {
	switch c := c.(type) {
	case nil:
		s.add("1")
	case persistence.And:
		return s.junction(c, " AND ", "1")
	case persistence.Or:
		return s.junction(c, " OR ", "0")
	case persistence.Not:
		s.add("NOT ")
		return s.condition(c.Condition)
	case persistence.Exists:
		s.atPath(c.Path, func(kind, _ string) { s.add(kind + " IS NOT NULL") })
	case persistence.Compare:
		return s.compare(c)
	default:
		return fmt.Errorf("filter: unknown condition %T", c)
	}
	return nil
}

// junction joins conditions as a balanced tree: SQLite limits the depth of an
// expression.
func (s *sqlText) junction(cs []persistence.Condition, operator, none string) error {
	switch len(cs) {
	case 0:
		s.add(none)
		return nil
	case 1:
		return s.condition(cs[0])
	}
	s.add("(")
	if err := s.junction(cs[:len(cs)/2], operator, none); err != nil {
		return err
	}
	s.add(operator)
	if err := s.junction(cs[len(cs)/2:], operator, none); err != nil {
		return err
	}
	s.add(")")
	return nil
}

// comparison returns the SQL operator.
func comparison(o persistence.Operator) (string, error) {
	switch o {
	case persistence.Equal:
		return " = ?", nil
	case persistence.Greater:
		return " > ?", nil
	case persistence.GreaterOrEqual:
		return " >= ?", nil
	case persistence.Less:
		return " < ?", nil
	case persistence.LessOrEqual:
		return " <= ?", nil
	}
	return "", fmt.Errorf("filter: unknown operator %q", o)
}

// compare appends a comparison. Types are compared first, as in MongoDB: the number 1 is
// not true, and a string is never less than a number.
func (s *sqlText) compare(c persistence.Compare) error {
	operator, err := comparison(c.Operator)
	if err != nil {
		return err
	}
	switch operand := c.Operand.(type) {
	case nil:
		s.compareNull(c)
	case bool:
		s.atPath(c.Path, func(kind, value string) { s.add(kind+" IN ('true', 'false') AND "+value+operator, operand) })
	case int64, float64:
		s.atPath(c.Path, func(kind, value string) { s.add(kind+" IN ('integer', 'real') AND "+value+operator, operand) })
	case string:
		s.atPath(c.Path, func(kind, value string) { s.add(kind+" = 'text' AND "+value+operator, operand) })
	case time.Time:
		s.atPath(c.Path, func(kind, value string) {
			s.add(kind+" = 'text' AND "+sortableTime(value)+operator, timeOperand(operand))
		})
	case markets.Amount:
		s.atPath(c.Path, func(kind, value string) {
			s.add(kind+" = 'text' AND "+value+" <> '' AND "+sortableAmount(value)+operator, operand.Sortable())
		})
	default:
		return fmt.Errorf("filter: %s compared with a %T", c.Path, operand)
	}
	return nil
}

// compareNull appends a comparison with null, which equals only null and a missing
// field.
func (s *sqlText) compareNull(c persistence.Compare) {
	if c.Operator == persistence.Greater || c.Operator == persistence.Less {
		s.add("0")
		return
	}
	s.add("(NOT ")
	s.atPath(c.Path, func(kind, _ string) { s.add(kind + " IS NOT NULL") })
	s.add(" OR ")
	s.atPath(c.Path, func(kind, _ string) { s.add(kind + " = 'null'") })
	s.add(")")
}

// sortableAmount is markets.Amount.Sortable in SQL.
func sortableAmount(value string) string {
	return "printf('%02d%s', length(" + value + "), " + value + ")"
}

// sortableTime is a stored time in a form that sorts chronologically: without the Z,
// which would sort after a fraction of a second.
func sortableTime(value string) string { return "rtrim(" + value + ", 'Z')" }

func timeOperand(t time.Time) string {
	return strings.TrimSuffix(t.UTC().Format(time.RFC3339Nano), "Z")
}

// atPath appends a condition on the value at a path or, if the path leads through a
// list, on the values in any of the list's elements. add appends the condition for a
// value, given the SQL of its JSON type and of the value itself.
func (s *sqlText) atPath(path string, add func(kind, value string)) {
	if path == "_id" {
		s.add("(")
		add("'text'", documentID)
		s.add(") IS TRUE")
		return
	}
	parts := strings.Split(path, ".")
	whole := jsonPath(parts)
	s.add("((")
	add("json_type(doc, "+whole+")", "(doc ->> "+whole+")")
	s.add(")")
	for n := 1; n <= len(parts); n++ {
		if s.of.MayBeList(strings.Join(parts[:n], ".")) && (n == len(parts) || !index(parts[n])) {
			s.element(jsonPath(parts[:n]), parts[n:], add)
		}
	}
	s.add(") IS TRUE")
}

// element appends the condition on the values at the rest of a path in any element of a
// list.
func (s *sqlText) element(list string, rest []string, add func(kind, value string)) {
	s.add(" OR EXISTS (SELECT 1 FROM json_each(doc, " + list + ") AS element WHERE json_type(doc, " + list + ") = 'array' AND ")
	if len(rest) == 0 {
		add("element.type", "element.value")
	} else {
		s.add("element.type = 'object' AND ")
		path := jsonPath(rest)
		add("json_type(element.value, "+path+")", "(element.value ->> "+path+")")
	}
	s.add(")")
}

// index reports whether a path's segment is the index of a list element.
func index(part string) bool {
	_, err := strconv.ParseUint(part, 10, 16)
	return err == nil
}

// jsonPath returns a path as an SQL string literal with a JSON path.
func jsonPath(parts []string) string {
	var path strings.Builder
	path.WriteString("'$")
	for _, part := range parts {
		if index(part) {
			path.WriteString("[" + part + "]")
		} else {
			path.WriteString(`."` + strings.ReplaceAll(part, "'", "''") + `"`)
		}
	}
	path.WriteString("'")
	return path.String()
}

// order appends the terms of ORDER BY.
func (s *sqlText) order(keys []persistence.SortKey) error {
	for i, key := range keys {
		terms, err := s.sortTerms(key.Path)
		if err != nil {
			return err
		}
		for j, term := range terms {
			if i+j > 0 {
				s.add(", ")
			}
			s.add(term)
			if key.Descending {
				s.add(" DESC")
			}
		}
	}
	return nil
}

// sortTerms returns the expressions that order a field's values. Documents without the
// field come first.
func (s *sqlText) sortTerms(path string) ([]string, error) {
	if path == "_id" {
		return []string{documentID}, nil
	}
	if list, _ := s.of.List(path); list != "" {
		return nil, fmt.Errorf("sort: %s is in a list, of which there are several", path)
	}
	if of, ok := sortedBy[s.of.Name]; ok && of.path == path {
		return []string{of.column}, nil
	}
	if s.byPrice && path == unitPricePath {
		return []string{"book"}, nil
	}
	value := "(doc ->> " + jsonPath(strings.Split(path, ".")) + ")"
	switch s.of.Kind(path) {
	case persistence.AmountField:
		return []string{"length(" + value + ")", value}, nil
	case persistence.DateField:
		return []string{sortableTime(value)}, nil
	}
	return []string{value}, nil
}
