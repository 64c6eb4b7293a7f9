package solidity

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"

	"github.com/imart/event-worker/markets/definition/internal/declaration"
)

var (
	comments     = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)
	declarations = regexp.MustCompile(`\bevent\s+[\w$]+\s*\([^;{}]*\)[\s\w]*(;|$)`)

	structs   = regexp.MustCompile(`\bstruct\s+([\w$]+)\s*\{([^{}]*)\}`)
	enums     = regexp.MustCompile(`\benum\s+([\w$]+)\s*\{`)
	contracts = regexp.MustCompile(`\b(?:contract|interface)\s+([\w$]+)`)
	values    = regexp.MustCompile(`\btype\s+([\w$]+)\s+is\s+(\w+)`)
)

// maxUnread bounds the declarations that FindEvents reports as unread.
const maxUnread = 100

// FindEvents are the events that a source file declares, each once. unread are the
// declarations that could not be read, and why: a source may name types that are declared
// in other files.
func FindEvents(source string) (events []*Event, unread []string) {
	source = comments.ReplaceAllString(source, " ")
	types := typesOf(source)
	known := map[string]bool{}
	p := newParser("", types)
	for _, text := range declarations.FindAllString(source, -1) {
		text = strings.Join(strings.Fields(text), " ")
		p.Scanner = declaration.Scan(text)
		e, err := p.event()
		switch {
		case err != nil && len(unread) < maxUnread:
			unread = append(unread, fmt.Sprintf("%.200s (%.200s)", text, err))
		case err == nil && !known[e.Signature()]:
			known[e.Signature()] = true
			events = append(events, e)
		}
	}
	return events, unread
}

// namedType is a type that a source declares.
type namedType struct {
	elementary string // how the ABI has it; "" for a struct
	fields     string // of a struct, as they are declared
}

// typesOf are the types that a source declares, by name. Of structs of one name that differ
// none is known.
func typesOf(source string) map[string]namedType {
	types := map[string]namedType{}
	for _, m := range contracts.FindAllStringSubmatch(source, -1) {
		types[m[1]] = namedType{elementary: "address"}
	}
	for _, m := range enums.FindAllStringSubmatch(source, -1) {
		types[m[1]] = namedType{elementary: "uint8"}
	}
	for _, m := range values.FindAllStringSubmatch(source, -1) {
		types[m[1]] = namedType{elementary: m[2]}
	}
	twice := map[string]bool{}
	for _, m := range structs.FindAllStringSubmatch(source, -1) {
		t := namedType{fields: strings.Join(strings.Fields(m[2]), " ")}
		if known, ok := types[m[1]]; ok && known != t {
			twice[m[1]] = true
		}
		types[m[1]] = t
	}
	for name := range twice {
		delete(types, name)
	}
	return types
}

// named reads the rest of a type's name that a source declares, such as Library.Order, and
// returns the type as the ABI has it.
func (p *parser) named(name string) (a abi.ArgumentMarshaling, err error) {
	for p.Skip(".") {
		name = p.Next()
	}
	t, known := p.types[name]
	switch {
	case !known:
		return abi.ArgumentMarshaling{Type: name}, nil
	case t.elementary != "":
		return abi.ArgumentMarshaling{Type: t.elementary}, nil
	case p.depth >= maxTuples:
		return a, errDeepTuples
	}
	fields := parser{Scanner: declaration.Scan(t.fields), types: p.types, depth: p.depth + 1, left: p.left}
	a.Type = "tuple"
	for fields.Peek() != "" {
		field, err := fields.parameter()
		if err != nil {
			return a, fmt.Errorf("struct %s: %w", name, err)
		}
		if !fields.Skip(";") || field.Name == "" {
			return a, fmt.Errorf("struct %s: expected a type, a name and ;", name)
		}
		a.Components = append(a.Components, field)
	}
	return a, nil
}
