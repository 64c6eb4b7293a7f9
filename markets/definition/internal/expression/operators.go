package expression

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
)

func (c *compiler) unary(n *ast.UnaryNode) (code, error) {
	operand, err := c.compile(n.Node)
	if err != nil {
		return code{}, err
	}
	switch kind := operand.shape.kind; {
	case kind == BooleanKind && (n.Operator == "not" || n.Operator == "!"):
		return c.fold(n, code{boolean, func(f *frame) (any, error) {
			holds, err := f.boolean(operand)
			return !holds, err
		}, operand.constant, nil})
	case kind == NumberKind && n.Operator == "-":
		return c.fold(n, code{number, func(f *frame) (any, error) {
			a, err := f.number(operand)
			if err != nil {
				return nil, err
			}
			return Number{new(big.Int).Neg(a.n)}, nil
		}, operand.constant, intervalOf("-", between(0, 0), operand.numbers)})
	}
	return c.fail(n, "invalid operation: %s (mismatched type %s)", n.Operator, operand.shape)
}

func (c *compiler) binary(n *ast.BinaryNode) (code, error) {
	operator := n.Operator
	if written, ok := c.operators[n.Location().From]; ok && operator == rangeOperator {
		operator = written
	}
	parts, err := c.all([]ast.Node{n.Left, n.Right})
	if err != nil {
		return code{}, err
	}
	out, err := c.operation(n, operator, parts[0], parts[1])
	if err != nil {
		return code{}, err
	}
	if out.run == nil {
		return c.fail(n, "invalid operation: %s (mismatched types %s and %s)", operator, parts[0].shape, parts[1].shape)
	}
	if err := c.checkOperands(n, operator, parts[0], parts[1]); err != nil {
		return code{}, err
	}
	out.constant = areConstant(parts...)
	if out.shape.kind == NumberKind {
		out.numbers = intervalOf(operator, parts[0].numbers, parts[1].numbers)
	}
	return c.fold(n, out)
}

// operation is the code of an operator; without run if it does not apply to the two.
func (c *compiler) operation(n *ast.BinaryNode, operator string, a, b code) (code, error) {
	left, right := a.shape.kind, b.shape.kind
	numbers, texts := left == NumberKind && right == NumberKind, left == TextKind && right == TextKind
	switch operator {
	case "==", "!=":
		return equality(a, b, operator == "=="), nil
	case "and", "&&", "or", "||":
		if left == BooleanKind && right == BooleanKind {
			return logic(a, b, operator == "and" || operator == "&&"), nil
		}
	case "in":
		if left == TextKind && b.shape.values != nil {
			return hasKey(a, b), nil
		}
		if left == b.shape.elementKind() || right == ListKind && b.shape.element == nil {
			return membership(a, b), nil
		}
	case "??":
		return c.otherwise(n, a, b)
	case rangeOperator:
		if numbers {
			return integersOf(a, b), nil
		}
	case "matches":
		return c.matches(n, a, b)
	case "contains", "startsWith", "endsWith":
		if texts {
			return search(a, b, searches[operator]), nil
		}
	}
	switch f, ok := arithmetic[operator]; {
	case ok && numbers:
		return code{shape: number, run: func(f2 *frame) (any, error) { return calculate(f2, a, b, f) }}, nil
	case operator == "+" && (left == TextKind || right == TextKind) && (left == NumberKind || right == NumberKind || texts):
		return concatenation(a, b), nil
	}
	if holds, ok := comparisons[operator]; ok && left == right && (numbers || texts || left == TimeKind) {
		return code{shape: boolean, run: func(f *frame) (any, error) {
			order, err := compare(f, a, b)
			return holds(order), err
		}}, nil
	}
	return code{}, nil
}

func (s *shape) elementKind() Kind {
	if s.kind == ListKind && s.element != nil {
		return s.element.kind
	}
	return ""
}

func calculate(f *frame, a, b code, operation func(a, b *big.Int) (*big.Int, error)) (any, error) {
	x, err := f.number(a)
	if err != nil {
		return nil, err
	}
	y, err := f.number(b)
	if err != nil {
		return nil, err
	}
	n, err := operation(x.n, y.n)
	if err != nil {
		return nil, err
	}
	return bounded(n)
}

func concatenation(a, b code) code {
	return code{shape: text, run: func(f *frame) (any, error) {
		x, err := f.value(a)
		if err != nil {
			return nil, err
		}
		y, err := f.value(b)
		if err != nil {
			return nil, err
		}
		return f.made(fmt.Sprint(x) + fmt.Sprint(y))
	}}
}

// made is a text that was made, which takes memory.
func (f *frame) made(text string) (any, error) { return text, f.spend(len(text)) }

func compare(f *frame, a, b code) (int, error) {
	x, err := f.value(a)
	if err != nil {
		return 0, err
	}
	y, err := f.value(b)
	if err != nil {
		return 0, err
	}
	switch x := x.(type) {
	case Number:
		return x.n.Cmp(y.(Number).n), nil
	case time.Time:
		return x.Compare(y.(time.Time)), nil
	}
	return strings.Compare(x.(string), y.(string)), f.scan(len(x.(string)))
}

// equality compares values of one type, or with nil.
func equality(a, b code, equal bool) code {
	if _, ok := union(a.shape, b.shape); !ok {
		return code{}
	}
	return code{shape: boolean, run: func(f *frame) (any, error) {
		x, err := a.run(f)
		if err != nil {
			return nil, err
		}
		y, err := b.run(f)
		if err != nil {
			return nil, err
		}
		same, err := f.equal(x, y)
		return same == equal, err
	}}
}

func (f *frame) equal(x, y any) (bool, error) {
	if err := f.spend(1); err != nil {
		return false, err
	}
	switch x := x.(type) {
	case Number:
		y, ok := y.(Number)
		return ok && x.n.Cmp(y.n) == 0, nil
	case string:
		return x == y, f.scan(len(x))
	case []any:
		y, ok := y.([]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		for i := range x {
			if same, err := f.equal(x[i], y[i]); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case map[string]any:
		y, ok := y.(map[string]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		for name := range x {
			if same, err := f.equal(x[name], y[name]); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return x == y, nil // nil, booleans, times
}

func logic(a, b code, and bool) code {
	return code{shape: boolean, run: func(f *frame) (any, error) {
		holds, err := f.boolean(a)
		if err != nil || holds != and {
			return holds, err
		}
		holds, err = f.boolean(b)
		return holds, err
	}}
}

// hasKey says whether a table has a key.
func hasKey(key, table code) code {
	return code{shape: boolean, run: func(f *frame) (any, error) {
		name, err := f.text(key)
		if err != nil {
			return nil, err
		}
		values, err := f.value(table)
		if err != nil {
			return nil, err
		}
		_, ok := values.(map[string]any)[name]
		return ok, nil
	}}
}

func membership(a, b code) code {
	return code{shape: boolean, run: func(f *frame) (any, error) {
		x, err := a.run(f)
		if err != nil {
			return nil, err
		}
		list, err := f.list(b)
		if err != nil {
			return nil, err
		}
		for _, element := range list {
			if same, err := f.equal(x, element); same || err != nil {
				return same, err
			}
		}
		return false, nil
	}}
}

// otherwise is a ?? b: b where a is nil.
func (c *compiler) otherwise(n *ast.BinaryNode, a, b code) (code, error) {
	s, ok := union(a.shape.present(), b.shape)
	if !ok {
		return code{}, nil
	}
	if a.shape.kind == nilKind {
		s = b.shape
	}
	return code{shape: s, run: func(f *frame) (any, error) {
		if value, err := a.run(f); value != nil || err != nil {
			return value, err
		}
		return b.run(f)
	}}, nil
}

// integersOf is the list of the integers from a to b.
func integersOf(a, b code) code {
	return code{shape: listOf(number), run: func(f *frame) (any, error) {
		from, err := f.number(a)
		if err != nil {
			return nil, err
		}
		to, err := f.number(b)
		if err != nil {
			return nil, err
		}
		size := new(big.Int).Sub(to.n, from.n)
		switch {
		case size.Sign() < 0:
			return []any{}, nil
		case size.Cmp(big.NewInt(MaxValues)) >= 0:
			return nil, ErrTooManyValues
		}
		list := make([]any, size.Int64()+1)
		for i := range list {
			list[i] = Number{new(big.Int).Add(from.n, big.NewInt(int64(i)))}
		}
		return list, f.spend(valueSize * len(list))
	}}
}

var searches = map[string]func(text, part string) bool{
	"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix,
}

func search(a, b code, found func(text, part string) bool) code {
	return code{shape: boolean, run: func(f *frame) (any, error) {
		whole, err := f.text(a)
		if err != nil {
			return nil, err
		}
		part, err := f.text(b)
		if err != nil {
			return nil, err
		}
		return found(whole, part), f.scan(len(whole))
	}}
}

func (c *compiler) matches(n *ast.BinaryNode, a, b code) (code, error) {
	literal, ok := n.Right.(*ast.StringNode)
	if !ok || a.shape.kind != TextKind {
		return c.fail(n.Right, "matches compares a text with a pattern in quotes")
	}
	pattern, err := regexp.Compile(literal.Value)
	if err != nil {
		return c.fail(n.Right, "%w", err)
	}
	return code{shape: boolean, run: func(f *frame) (any, error) {
		value, err := f.text(a)
		if err != nil {
			return nil, err
		}
		if err := f.scan(16 * len(value)); err != nil {
			return nil, err
		}
		return pattern.MatchString(value), nil
	}}, nil
}
