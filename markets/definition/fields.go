package definition

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// maxText bounds a text of a market event, in bytes.
const maxText = 1 << 16

var (
	errLongText = fmt.Errorf("a text of more than %d bytes", maxText)
	errEmptyKey = errors.New("the key is empty")
)

// eventFields evaluates the fields of one market event, and keeps the first error. A field
// without an expression has the zero value.
type eventFields struct {
	evaluator *expression.Evaluator
	values    expression.Values
	err       error
}

func (f *eventFields) fail(field string, err error) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %w", field, err)
	}
}

func (f *eventFields) failKind(field string, value any, want expression.Kind) {
	f.fail(field, fmt.Errorf("is a %s, not a %s", expression.KindOfValue(value), want))
}

// value is a field's value; nil if it has no expression.
func (f *eventFields) value(field string, e *expression.Expression) any {
	if e == nil || f.err != nil {
		return nil
	}
	value, err := f.evaluator.Evaluate(e, f.values)
	if err != nil {
		f.fail(field, err)
		return nil
	}
	return value
}

// text is a text, or the digits of a number.
func (f *eventFields) text(field string, e *expression.Expression) string {
	switch value := f.value(field, e).(type) {
	case nil:
	case string:
		if len(value) > maxText {
			f.fail(field, errLongText)
			return ""
		}
		return value
	case expression.Number, int:
		return fmt.Sprint(value)
	default:
		f.failKind(field, value, expression.TextKind)
	}
	return ""
}

// contract is the address of an EVM contract, in EIP-55.
func (f *eventFields) contract(field string, e *expression.Expression) string {
	text := f.text(field, e)
	if !strings.HasPrefix(text, "0x") || !common.IsHexAddress(text) {
		f.fail(field, fmt.Errorf("%.80q is not an address", text))
		return ""
	}
	return common.HexToAddress(text).Hex()
}

func (f *eventFields) amount(field string, e *expression.Expression) markets.Amount {
	value := f.value(field, e)
	if value == nil {
		return ""
	}
	n, ok := expression.Numeric(value)
	if !ok {
		f.failKind(field, value, expression.NumberKind)
		return ""
	}
	amount, err := n.Amount()
	if err != nil {
		f.fail(field, err)
	}
	return amount
}

func (f *eventFields) flag(field string, e *expression.Expression) bool {
	value := f.value(field, e)
	flag, ok := value.(bool)
	if !ok && value != nil {
		f.failKind(field, value, expression.BooleanKind)
	}
	return flag
}

// time is a time, or the time that a number of seconds since 1970 says.
func (f *eventFields) time(field string, e *expression.Expression) time.Time {
	switch value := f.value(field, e).(type) {
	case nil:
		return time.Time{}
	case time.Time:
		return value
	default:
		t, err := expression.Time(value, time.Second)
		if err != nil {
			f.fail(field, err)
		}
		return t
	}
}

// record is what an event says of a record.
func (f *eventFields) record(r *recordOutcome) *markets.RecordChange {
	change := &markets.RecordChange{Type: r.kind, Key: f.text("record.key", r.key)}
	if change.Key == "" && f.err == nil {
		f.fail("record.key", errEmptyKey)
	}
	if len(r.fields) > 0 {
		change.Fields = map[string]any{}
	}
	for _, a := range r.fields {
		value, err := storable(f.value("record.fields."+a.name, a.value))
		if err != nil {
			f.fail("record.fields."+a.name, err)
		}
		change.Fields[a.name] = value
	}
	if len(r.add) > 0 {
		change.Add = map[string]string{}
	}
	for _, a := range r.add {
		value := f.value("record.add."+a.name, a.value)
		n, ok := expression.Numeric(value)
		if !ok && f.err == nil {
			f.failKind("record.add."+a.name, value, expression.NumberKind)
		}
		if ok {
			change.Add[a.name] = n.String()
		}
	}
	return change
}

// storable is a value as documents have it: numbers and times are texts.
func storable(value any) (any, error) {
	switch value := value.(type) {
	case nil, bool:
		return value, nil
	case string:
		if len(value) > maxText {
			return nil, errLongText
		}
		return value, nil
	case expression.Number, int:
		return fmt.Sprint(value), nil
	case time.Time:
		return value.Format(time.RFC3339Nano), nil
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			var err error
			if list[i], err = storable(element); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		object := make(map[string]any, len(value))
		for name, element := range value {
			var err error
			if object[name], err = storable(element); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	return nil, fmt.Errorf("a %s cannot be stored", expression.KindOfValue(value))
}
