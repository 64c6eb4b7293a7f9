package solidity

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/expr-lang/expr/types"
)

// Event is an event of a contract. It is immutable.
type Event struct {
	abi.Event
	Parameters []abi.Argument // each with a name
	Topics     int            // how many its logs have, from 1 to 4
}

// newEvent checks an event, and names its unnamed parameters.
func newEvent(e abi.Event) (*Event, error) {
	if e.Anonymous {
		return nil, fmt.Errorf("event %s is anonymous: its logs cannot be told from others", e.RawName)
	}
	out := &Event{Event: e, Topics: 1}
	names := map[string]bool{}
	for i, input := range e.Inputs {
		if input.Name == "" {
			input.Name = fmt.Sprintf("arg%d", i)
		}
		if err := checkType(input.Type); err != nil {
			return nil, fmt.Errorf("event %s: parameter %d: %w", e.RawName, i+1, err)
		}
		if names[input.Name] {
			return nil, fmt.Errorf("event %s has two parameters %s", e.RawName, input.Name)
		}
		names[input.Name] = true
		if input.Indexed {
			out.Topics++
		}
		out.Parameters = append(out.Parameters, input)
	}
	if out.Topics > 4 {
		return nil, fmt.Errorf("event %s has more than 3 indexed parameters", e.RawName)
	}
	return out, nil
}

// ParseABI reads the events of a JSON ABI, or of an object with an ABI in its field abi.
// Anonymous ones are left out.
func ParseABI(text []byte) ([]*Event, error) {
	var wrapped struct {
		ABI json.RawMessage `json:"abi"`
	}
	if json.Unmarshal(text, &wrapped) == nil && wrapped.ABI != nil {
		text = wrapped.ABI
	}
	contract, err := abi.JSON(strings.NewReader(string(text)))
	if err != nil {
		return nil, fmt.Errorf("not an ABI: %w", err)
	}
	var events []*Event
	for _, e := range contract.Events {
		if e.Anonymous {
			continue
		}
		event, err := newEvent(e)
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}

// Signature tells the event from others of its name: Sold(uint256 indexed,address).
func (e *Event) Signature() string {
	parts := make([]string, len(e.Parameters))
	for i, p := range e.Parameters {
		parts[i] = p.Type.String()
		if p.Indexed {
			parts[i] += " indexed"
		}
	}
	return e.RawName + "(" + strings.Join(parts, ",") + ")"
}

// Declaration is the event as Solidity declares it.
func (e *Event) Declaration() string {
	parts := make([]string, len(e.Parameters))
	for i, p := range e.Parameters {
		parts[i] = declared(p.Type)
		if p.Indexed {
			parts[i] += " indexed"
		}
		parts[i] += " " + p.Name
	}
	return "event " + e.RawName + "(" + strings.Join(parts, ", ") + ")"
}

// Types are the types of the parameters' values, by name.
func (e *Event) Types() types.Map {
	names := types.Map{}
	for _, p := range e.Parameters {
		names[p.Name] = TypeOf(p)
	}
	return names
}
