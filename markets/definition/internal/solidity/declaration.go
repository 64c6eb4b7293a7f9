package solidity

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/accounts/abi"

	"github.com/imart/event-worker/markets/definition/internal/declaration"
)

// ParseEvents reads events as Solidity declares them:
// event Buy(address indexed buyer, uint256 id, (address token, uint256 amount)[] items).
func ParseEvents(text string) (events []*Event, err error) {
	p := newParser(text, nil)
	for p.Peek() != "" {
		e, err := p.event()
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// parser reads declarations of events.
type parser struct {
	declaration.Scanner
	types map[string]namedType // that the source declares
	depth int                  // of tuples
	left  *int                 // how many parameters may still be read, with the fields of structs
}

func newParser(text string, types map[string]namedType) *parser {
	left := maxParameters
	return &parser{Scanner: declaration.Scan(text), types: types, left: &left}
}

func (p *parser) event() (*Event, error) {
	p.Skip("event")
	name := p.Next()
	arguments, err := p.parameters()
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", name, err)
	}
	anonymous := p.Skip("anonymous")
	p.Skip(";")
	if rest := p.Peek(); rest != "" && rest != "event" {
		return nil, fmt.Errorf("unexpected %q after the parameters of event %s", rest, name)
	}
	if !declaration.IsIdentifier(name) {
		return nil, fmt.Errorf("%q is not the name of an event: write it like event Buy(address indexed buyer, uint256 id)", name)
	}
	return newEvent(name, anonymous, arguments)
}

// Limits of declarations.
const (
	maxTuples     = 8       // nested in each other
	maxArrays     = 8       // nested in each other
	maxParameters = 1 << 14 // of all events of a text
)

var (
	errDeepTuples = fmt.Errorf("tuples are nested more than %d deep", maxTuples)
	errDeepArrays = fmt.Errorf("arrays are nested more than %d deep", maxArrays)
	errParameters = fmt.Errorf("the events have more than %d parameters, with the fields of their structs", maxParameters)
)

// parameters reads a list of parameters in parentheses.
func (p *parser) parameters() ([]abi.ArgumentMarshaling, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxTuples {
		return nil, errDeepTuples
	}
	if !p.Skip("(") {
		return nil, fmt.Errorf("expected ( but found %q", p.Peek())
	}
	var out []abi.ArgumentMarshaling
	for !p.Skip(")") {
		if len(out) > 0 && !p.Skip(",") {
			return nil, fmt.Errorf("expected , or ) but found %q", p.Peek())
		}
		a, err := p.parameter()
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// parameter reads a parameter: its type, then indexed, then its name.
func (p *parser) parameter() (a abi.ArgumentMarshaling, err error) {
	if *p.left--; *p.left < 0 {
		return a, errParameters
	}
	if a, err = p.elementary(); err != nil {
		return a, err
	}
	for arrays := 1; p.Skip("["); arrays++ {
		if arrays > maxArrays {
			return a, errDeepArrays
		}
		a.Type += "["
		if p.Peek() != "]" {
			a.Type += p.Next()
		}
		if !p.Skip("]") {
			return a, fmt.Errorf("expected ] but found %q", p.Peek())
		}
		a.Type += "]"
	}
	a.Indexed = p.Skip("indexed")
	if declaration.IsIdentifier(p.Peek()) {
		a.Name = p.Next()
	}
	return a, nil
}

// elementary reads a type without the brackets of arrays.
func (p *parser) elementary() (a abi.ArgumentMarshaling, err error) {
	if p.Skip("tuple"); p.Peek() == "(" {
		if a.Components, err = p.parameters(); err != nil {
			return a, err
		}
		for i := range a.Components {
			if a.Components[i].Name == "" {
				a.Components[i].Name = fmt.Sprintf("arg%d", i)
			}
		}
		a.Type = "tuple"
		return a, nil
	}
	switch a.Type = p.Next(); a.Type {
	case "":
		return a, errors.New("unexpected end of the declaration")
	case "uint", "int":
		a.Type += "256"
	case "address":
		p.Skip("payable")
	default:
		return p.named(a.Type)
	}
	return a, nil
}
