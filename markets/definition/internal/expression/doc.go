// Package expression is the language in which definitions compute the fields of market
// events from the fields of raw events. Its syntax is expr-lang's, which parses it, with &, >>
// and << besides; types and values are its own: what is pure and bounded, with integers of any
// sign up to 512 bits. docs/definitions.md describes the language.
//
// Guarantees:
//   - Names and types are checked when an expression is compiled; an error has its column. One
//     that compiles fails for its values alone: a division by zero, an element that the list
//     does not have. What is constant is computed then.
//   - The same values give the same result: there is no clock, no randomness, no I/O.
//   - Work is bounded: the length and the nodes of an expression, no loop inside a loop,
//     the elements of lists, the memory of one evaluation.
//   - Arithmetic is exact. Division truncates towards zero, by zero it is an error.
//
// In a scope where price is a number and feeBps too,
//
//	scope := expression.NewScope(markets.EVM, types.Map{"price": expression.NumberType, "feeBps": expression.NumberType})
//	fee, err := scope.Compile("price * feeBps / 10000", expression.NumberKind)
//	value, err := expression.NewEvaluator().Evaluate(fee, values) // price: 1999, feeBps: 250
//
// the value is 49, and fee.Names() are feeBps and price: only those fields of an event
// need to be read.
//
//	text ─tokens─▶ tree ─compile: shapes─▶ code ─Evaluator: a frame─▶ value
package expression

import "fmt"

// Limits of an expression.
const (
	maxLength = 2000 // bytes
	maxNodes  = 200
	maxMemory = 1 << 20 // bytes
)

// MaxValues bounds the values that are read from one raw event, the elements of a list,
// and the market events that one raw event becomes.
const MaxValues = 4096

// ErrTooManyValues says that MaxValues is exceeded.
var ErrTooManyValues = fmt.Errorf("more than %d values", MaxValues)

// Budget counts the values that may still be read from one raw event, which comes from a
// node and is not trusted.
type Budget int

// NewBudget is the budget of one raw event.
func NewBudget() Budget { return MaxValues }

// Spend takes one value from the budget.
func (b *Budget) Spend() error {
	if *b--; *b < 0 {
		return ErrTooManyValues
	}
	return nil
}
