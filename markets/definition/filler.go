package definition

import (
	"errors"
	"fmt"
	"time"

	"github.com/imart/event-worker/markets"
)

// filler evaluates the fields of a market event and keeps the first error.
type filler struct {
	*machine
	values values
	err    error
}

func (f *filler) fail(field string, err error) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %w", field, err)
	}
}

// value is a field's value; nil if it has no expression.
func (f *filler) value(field string, e *expression) any {
	if e == nil || f.err != nil {
		return nil
	}
	value, err := f.evaluate(e, f.values)
	if err != nil {
		f.fail(field, err)
		return nil
	}
	return value
}

// maxText bounds a text of a market event, in bytes.
const maxText = 1 << 16

// text is a text or a number's digits.
func (f *filler) text(field string, e *expression) string {
	switch value := f.value(field, e).(type) {
	case nil:
	case string:
		if len(value) > maxText {
			f.fail(field, fmt.Errorf("a text of more than %d bytes", maxText))
			return ""
		}
		return value
	case Number, int:
		return digits(value)
	default:
		f.fail(field, fmt.Errorf("%T is no text", value))
	}
	return ""
}

func (f *filler) amount(field string, e *expression) markets.Amount {
	value := f.value(field, e)
	if value == nil {
		return ""
	}
	n, ok := numeric(value)
	if !ok {
		f.fail(field, fmt.Errorf("%.80v is no number", value))
		return ""
	}
	amount, err := n.amount()
	if err != nil {
		f.fail(field, err)
	}
	return amount
}

func (f *filler) flag(field string, e *expression) bool {
	value := f.value(field, e)
	flag, ok := value.(bool)
	if !ok && value != nil {
		f.fail(field, fmt.Errorf("%T is no boolean", value))
	}
	return flag
}

// time is a time; the zero time if there is none.
func (f *filler) time(field string, e *expression) time.Time {
	switch value := f.value(field, e).(type) {
	case nil:
		return time.Time{}
	case time.Time:
		return value
	default:
		t, err := instant(value, time.Second)
		if err != nil {
			f.fail(field, err)
		}
		return t
	}
}

var errItem = errors.New("a bundle is of tokens: {collection, id, standard, quantity}")

// bundle sets an event's tokens from a list of them.
func (f *filler) bundle(e *markets.Event, list *expression) {
	elements, _ := f.value("bundle", list).([]any)
	var items []markets.Item
	for _, element := range elements {
		fields, ok := element.(map[string]any)
		collection, ok1 := fields["collection"].(string)
		id, ok2 := numeric(fields["id"])
		quantity, ok3 := numeric(fields["quantity"])
		standard, ok4 := fields["standard"].(string)
		if !ok || !ok1 || !ok2 || !ok3 || !ok4 {
			f.fail("bundle", errItem)
			return
		}
		amount, err := quantity.amount()
		if err != nil {
			f.fail("bundle", err)
			return
		}
		items = append(items, markets.Item{Token: markets.Token{Collection: collection, ID: id.String(), Standard: standard}, Quantity: amount})
	}
	if len(items) > 0 {
		e.Token, e.Quantity = items[0].Token, items[0].Quantity
	}
	if len(items) > 1 {
		e.Bundle = items
	}
}

// record is what an event says of a record.
func (f *filler) record(r *recordOutcome) *markets.RecordChange {
	change := &markets.RecordChange{Type: r.kind, Key: f.text("record.key", r.key)}
	if change.Key == "" && f.err == nil {
		f.fail("record.key", errors.New("the key is empty"))
	}
	if len(r.fields) > 0 {
		change.Fields = map[string]any{}
	}
	for _, a := range r.fields {
		value, err := plain(f.value("record.fields."+a.name, a.value))
		if err != nil {
			f.fail("record.fields."+a.name, err)
		}
		change.Fields[a.name] = value
	}
	if len(r.add) > 0 {
		change.Add = map[string]string{}
	}
	for _, a := range r.add {
		n, ok := numeric(f.value("record.add."+a.name, a.value))
		if !ok && f.err == nil {
			f.fail("record.add."+a.name, errors.New("no number"))
		}
		if ok {
			change.Add[a.name] = n.String()
		}
	}
	return change
}

// plain is a value as documents have it: numbers as decimal texts, times as texts.
func plain(value any) (any, error) {
	switch value := value.(type) {
	case nil, bool:
		return value, nil
	case string:
		if len(value) > maxText {
			return nil, fmt.Errorf("a text of more than %d bytes", maxText)
		}
		return value, nil
	case Number, int:
		return digits(value), nil
	case time.Time:
		return value.Format(time.RFC3339Nano), nil
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			var err error
			if list[i], err = plain(element); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		object := make(map[string]any, len(value))
		for name, element := range value {
			var err error
			if object[name], err = plain(element); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	return nil, fmt.Errorf("a %T cannot be kept", value)
}
