package expression

import (
	"errors"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// Values are the values of names, for one event.
type Values map[string]any

// Evaluator evaluates expressions. It is for one goroutine.
type Evaluator struct{ vm vm.VM }

// NewEvaluator makes an evaluator.
func NewEvaluator() *Evaluator { return &Evaluator{vm.VM{MemoryBudget: maxMemory}} }

// Evaluate is the expression's value: a string, Number, int, bool, time.Time, []any,
// map[string]any or nil.
func (m *Evaluator) Evaluate(e *Expression, v Values) (any, error) {
	if e.name != "" {
		return v[e.name], nil
	}
	value, err := m.vm.Run(e.program, map[string]any(v))
	if err != nil {
		return nil, withoutSnippet(err)
	}
	return value, nil
}

// withoutSnippet is an error of expr-lang without its picture of the expression.
func withoutSnippet(err error) error {
	if located, ok := errors.AsType[*file.Error](err); ok {
		if located.Prev != nil {
			return located.Prev
		}
		return errors.New(located.Message)
	}
	return err
}
