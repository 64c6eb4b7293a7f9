package move

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// Read sets the values of an event's fields, by name: of a resolved struct, those whose
// names are used.
func Read(event *Struct, data json.RawMessage, used map[string]bool, into map[string]any) error {
	r := reader{expression.NewBudget()}
	return r.fields(event, data, used, into)
}

// reader reads the values of one event.
type reader struct{ budget expression.Budget }

// fields reads the fields of a struct whose names are used; all of them if used is nil.
func (r *reader) fields(s *Struct, data json.RawMessage, used map[string]bool, into map[string]any) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return fmt.Errorf("%.60q is not a struct", data)
	}
	for _, f := range s.Fields {
		if used != nil && !used[f.Name] {
			continue
		}
		text, ok := members[f.Name]
		if !ok {
			return fmt.Errorf("the event has no field %s: it has %s", f.Name, strings.Join(namesOf(members), ", "))
		}
		value, err := r.value(f.kind, text)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		into[f.Name] = value
	}
	return nil
}

// namesOf are at most 20 names of an object's members, for messages.
func namesOf(members map[string]json.RawMessage) []string {
	names := slices.Sorted(maps.Keys(members))
	names = names[:min(len(names), 20)]
	for i, name := range names {
		names[i] = fmt.Sprintf("%.40s", name)
	}
	return names
}

func (r *reader) value(t Type, data json.RawMessage) (any, error) {
	if err := r.budget.Spend(); err != nil {
		return nil, err
	}
	if string(bytes.TrimSpace(data)) == "null" {
		return nil, fmt.Errorf("null is not a value of type %s", t.form)
	}
	switch t.form {
	case structure:
		fields := map[string]any{}
		return fields, r.fields(t.fields, data, nil, fields)
	case number:
		return expression.ParseNumber(string(bytes.Trim(data, `"`)))
	case boolean:
		return readBool(data)
	case object:
		var o Object
		if err := json.Unmarshal(data, &o); err != nil {
			return nil, mismatch(data, t)
		}
		return address.Aptos(o.Inner)
	case vector:
		return r.list(*t.element, data)
	case option:
		var o struct {
			Vec json.RawMessage `json:"vec"`
		}
		if err := json.Unmarshal(data, &o); err != nil || o.Vec == nil {
			return nil, mismatch(data, t)
		}
		return r.list(*t.element, o.Vec)
	}
	var content string
	if err := json.Unmarshal(data, &content); err != nil {
		return nil, mismatch(data, t)
	}
	if t.form == account {
		return address.Aptos(content)
	}
	return content, nil
}

func mismatch(data json.RawMessage, t Type) error {
	return fmt.Errorf("%.60q is not a value of type %s", data, t.form)
}

// Object is an Object<T>, a reference to an object, as nodes write it.
type Object struct {
	Inner string `json:"inner"` // its address
}

// readBool reads a bool, which older modules log as text.
func readBool(data json.RawMessage) (any, error) {
	switch string(data) {
	case "true", `"true"`:
		return true, nil
	case "false", `"false"`:
		return false, nil
	}
	return nil, mismatch(data, Type{form: boolean})
}

func (r *reader) list(element Type, data json.RawMessage) (any, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(data, &elements); err != nil {
		return nil, mismatch(data, Type{form: vector})
	}
	if len(elements) > expression.MaxValues {
		return nil, expression.ErrTooManyValues
	}
	list := make([]any, len(elements))
	for i, data := range elements {
		var err error
		if list[i], err = r.value(element, data); err != nil {
			return nil, err
		}
	}
	return list, nil
}
