package expression

import (
	"fmt"

	"github.com/expr-lang/expr"
)

// operators makes the operators work on numbers, and + join texts and numbers.
func operators() []expr.Option {
	var options []expr.Option
	for op, f := range arithmetic {
		options = append(options, operator(op, func(a, b Number) (any, error) {
			n, err := f(a.n, b.n)
			if err != nil {
				return nil, err
			}
			return bounded(n)
		}, new(func(Number, Number) Number), new(func(Number, int) Number), new(func(int, Number) Number))...)
	}
	for op, f := range comparisons {
		options = append(options, operator(op, func(a, b Number) (any, error) { return f(a.n.Cmp(b.n)), nil },
			new(func(Number, Number) bool), new(func(Number, int) bool), new(func(int, Number) bool))...)
	}
	return append(options,
		expr.Function("concat$", func(args ...any) (any, error) { return fmt.Sprint(args[0]) + fmt.Sprint(args[1]), nil },
			new(func(string, Number) string), new(func(Number, string) string), new(func(string, int) string), new(func(int, string) string)),
		expr.Operator("+", "concat$", functionOf("+")))
}

// functionOf is the name of the function behind an operator on numbers. No expression
// can call it: the name is not an identifier.
func functionOf(operator string) string { return "number" + operator }

// operator makes an operator work on numbers.
func operator(op string, f func(a, b Number) (any, error), types ...any) []expr.Option {
	name := functionOf(op)
	function := expr.Function(name, func(args ...any) (any, error) {
		a, _ := Numeric(args[0])
		b, _ := Numeric(args[1])
		return f(a, b)
	}, types...)
	if op == "+" { // registered once, together with that of texts
		return []expr.Option{function}
	}
	return []expr.Option{function, expr.Operator(op, name)}
}
