package expression

import (
	"errors"
	"fmt"
)

// Values are the values of names, for one event.
type Values map[string]any

// Evaluator evaluates expressions. It is for one goroutine.
type Evaluator struct{ frame frame }

// NewEvaluator makes an evaluator.
func NewEvaluator() *Evaluator { return &Evaluator{} }

// Evaluate is the expression's value: a string, Number, bool, time.Time, []any,
// map[string]any or nil.
func (m *Evaluator) Evaluate(e *Expression, v Values) (any, error) {
	f := &m.frame
	f.values, f.left = v, maxMemory
	if cap(f.variables) < e.slots {
		f.variables = make([]any, e.slots)
	}
	f.variables = f.variables[:e.slots]
	return e.code.run(f)
}

// frame is what one evaluation works with.
type frame struct {
	values    Values
	variables []any
	element   any // of the loop's list
	index     int
	left      int // of the memory, in bytes
}

func newFrame(v Values, slots int) *frame {
	return &frame{values: v, variables: make([]any, slots), left: maxMemory}
}

var (
	errMemory  = fmt.Errorf("it takes more than %d bytes of memory", maxMemory)
	errNothing = errors.New("nothing was found: write what to use instead after ??")
)

// valueSize is the size of a value in a list or struct, in bytes.
const valueSize = 16

// spend takes bytes from the memory.
func (f *frame) spend(bytes int) error {
	if f.left -= bytes; bytes < 0 || f.left < 0 {
		return errMemory
	}
	return nil
}

// scan pays for looking at a text or list: less than for making one.
func (f *frame) scan(size int) error { return f.spend(1 + size/16) }

// value runs code whose value must not be nil.
func (f *frame) value(c code) (any, error) {
	value, err := c.run(f)
	if err == nil && value == nil {
		err = errNothing
	}
	return value, err
}

func (f *frame) text(c code) (string, error) {
	value, err := f.value(c)
	if err != nil {
		return "", err
	}
	return value.(string), nil
}

func (f *frame) number(c code) (Number, error) {
	value, err := f.value(c)
	if err != nil {
		return Number{}, err
	}
	return value.(Number), nil
}

func (f *frame) boolean(c code) (bool, error) {
	value, err := f.value(c)
	if err != nil {
		return false, err
	}
	return value.(bool), nil
}

func (f *frame) list(c code) ([]any, error) {
	value, err := f.value(c)
	if err != nil {
		return nil, err
	}
	return value.([]any), nil
}
