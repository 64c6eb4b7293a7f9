package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/expr-lang/expr/types"
)

// event is an event of a contract.
type event struct {
	abi.Event
	fields []abi.Argument // with names for all
	topics int            // how many its logs have
}

// newEvent names an event's unnamed parameters.
func newEvent(e abi.Event) (*event, error) {
	if e.Anonymous {
		return nil, fmt.Errorf("event %s is anonymous: its logs cannot be told from others", e.RawName)
	}
	out := &event{Event: e, topics: 1}
	names := map[string]bool{}
	for i, input := range e.Inputs {
		if input.Name == "" {
			input.Name = fmt.Sprintf("arg%d", i)
		}
		if err := sized(input.Type); err != nil {
			return nil, fmt.Errorf("event %s: parameter %d: %w", e.RawName, i+1, err)
		}
		if names[input.Name] {
			return nil, fmt.Errorf("event %s has two parameters %s", e.RawName, input.Name)
		}
		names[input.Name] = true
		if input.Indexed {
			out.topics++
		}
		out.fields = append(out.fields, input)
	}
	if out.topics > 4 {
		return nil, fmt.Errorf("event %s has more than 3 indexed parameters", e.RawName)
	}
	return out, nil
}

// sized says whether Solidity has a type of the size, which the library does not ask.
func sized(t abi.Type) error {
	switch t.T {
	case abi.IntTy, abi.UintTy:
		if t.Size%8 != 0 || t.Size < 8 || t.Size > 256 {
			return fmt.Errorf("there is no type %s", t)
		}
	case abi.FixedBytesTy:
		if t.Size < 1 || t.Size > 32 {
			return fmt.Errorf("there is no type %s", t)
		}
	case abi.SliceTy, abi.ArrayTy:
		return sized(*t.Elem)
	case abi.TupleTy:
		for _, e := range t.TupleElems {
			if err := sized(*e); err != nil {
				return err
			}
		}
	}
	return nil
}

// signature tells the event from others of its name.
func (e *event) signature() string {
	parts := make([]string, len(e.fields))
	for i, f := range e.fields {
		parts[i] = f.Type.String()
		if f.Indexed {
			parts[i] += " indexed"
		}
	}
	return e.RawName + "(" + strings.Join(parts, ",") + ")"
}

// names are the event's fields, for expressions.
func (e *event) names() types.Map {
	names := types.Map{}
	for _, f := range e.fields {
		names[f.Name] = typeOf(f)
	}
	return names
}

// typeOf is the type of a parameter's values. Of what is indexed and has no fixed size
// a log has only the hash.
func typeOf(f abi.Argument) types.Type {
	if f.Indexed && hashed(f.Type) {
		return types.String
	}
	return solidity(f.Type)
}

func hashed(t abi.Type) bool {
	switch t.T {
	case abi.StringTy, abi.BytesTy, abi.SliceTy, abi.ArrayTy, abi.TupleTy:
		return true
	}
	return false
}

// solidity is the type that values of a Solidity type have in expressions.
func solidity(t abi.Type) types.Type {
	switch t.T {
	case abi.IntTy, abi.UintTy:
		return numberType
	case abi.BoolTy:
		return types.Bool
	case abi.SliceTy, abi.ArrayTy:
		return types.Array(solidity(*t.Elem))
	case abi.TupleTy:
		fields := types.Map{}
		for i, name := range t.TupleRawNames {
			fields[name] = solidity(*t.TupleElems[i])
		}
		return fields
	}
	return types.String
}

// parseABI reads the events of a JSON ABI, or of an object that has it in abi.
func parseABI(text []byte) ([]*event, error) {
	var wrapped struct {
		ABI json.RawMessage `json:"abi"`
	}
	if json.Unmarshal(text, &wrapped) == nil && wrapped.ABI != nil {
		text = wrapped.ABI
	}
	contract, err := abi.JSON(strings.NewReader(string(text)))
	if err != nil {
		return nil, fmt.Errorf("no ABI: %w", err)
	}
	var events []*event
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

// parseEvents reads events as Solidity declares them:
// event Buy(address indexed buyer, uint256 id, (address token, uint256 amount)[] items).
func parseEvents(text string) (out []*event, err error) {
	p := &words{words: tokens(text)}
	for p.peek() != "" {
		e, err := p.event()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (p *words) event() (*event, error) {
	p.skip("event")
	name := p.word()
	arguments, err := p.parameters()
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", name, err)
	}
	anonymous := p.skip("anonymous")
	p.skip(";")
	if rest := p.peek(); rest != "" && rest != "event" {
		return nil, fmt.Errorf("%q after the parameters of event %s", rest, name)
	}
	if !isIdentifier(name) {
		return nil, fmt.Errorf("%q is no name of an event: write it like event Buy(address indexed buyer, uint256 id)", name)
	}
	var inputs abi.Arguments
	for i, a := range arguments {
		t, err := abi.NewType(a.Type, "", a.Components)
		if err != nil {
			return nil, fmt.Errorf("event %s: parameter %d: %w", name, i+1, err)
		}
		inputs = append(inputs, abi.Argument{Name: a.Name, Type: t, Indexed: a.Indexed})
	}
	e := abi.NewEvent(name, name, anonymous, inputs)
	return newEvent(e)
}

// parameters reads a list of parameters in parentheses.
func (p *words) parameters() ([]abi.ArgumentMarshaling, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > 8 {
		return nil, errors.New("more than 8 tuples in each other")
	}
	if !p.skip("(") {
		return nil, fmt.Errorf("%q where ( is expected", p.peek())
	}
	var out []abi.ArgumentMarshaling
	for !p.skip(")") {
		if len(out) > 0 && !p.skip(",") {
			return nil, fmt.Errorf("%q where , or ) is expected", p.peek())
		}
		a, err := p.parameter(len(out))
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// parameter reads a parameter: its type, then indexed, then its name.
func (p *words) parameter(i int) (a abi.ArgumentMarshaling, err error) {
	if p.skip("tuple"); p.peek() == "(" {
		if a.Components, err = p.parameters(); err != nil {
			return a, err
		}
		for i := range a.Components {
			if a.Components[i].Name == "" {
				a.Components[i].Name = fmt.Sprintf("arg%d", i)
			}
		}
		a.Type = "tuple"
	} else {
		a.Type = p.word()
	}
	switch a.Type { // the short forms, and what is an address all the same
	case "":
		return a, errors.New("it ends in the middle")
	case "uint", "int":
		a.Type += "256"
	case "address":
		p.skip("payable")
	}
	for p.skip("[") {
		a.Type += "["
		if p.peek() != "]" {
			a.Type += p.word()
		}
		if !p.skip("]") {
			return a, fmt.Errorf("%q where ] is expected", p.peek())
		}
		a.Type += "]"
	}
	a.Indexed = p.skip("indexed")
	if isIdentifier(p.peek()) {
		a.Name = p.word()
	}
	return a, nil
}

// numbersType is uint256[].
var numbersType = abi.Type{T: abi.SliceTy, Elem: &abi.Type{T: abi.UintTy, Size: 256}}
