package move

import (
	"fmt"
	"strings"

	"github.com/imart/event-worker/markets/definition/internal/declaration"
)

// Framework declares structs of Aptos' framework that fields of events often have.
const Framework = `
	struct TypeInfo { account_address: address, module_name: vector<u8>, struct_name: vector<u8> }
	struct TokenDataId { creator: address, collection: String, name: String }
	struct TokenId { token_data_id: TokenDataId, property_version: u64 }
`

// ParseStructs reads structs as Move declares them:
// struct m::Sold has drop, store { id: u64, price: u64 }.
func ParseStructs(text string) (structs []*Struct, err error) {
	p := &parser{declaration.Scan(text)}
	for p.Peek() != "" {
		s, err := p.structure()
		if err != nil {
			return nil, err
		}
		structs = append(structs, s)
	}
	return structs, nil
}

// parser reads declarations of structs.
type parser struct{ declaration.Scanner }

func (p *parser) structure() (*Struct, error) {
	p.Skip("public")
	p.Skip("struct")
	s := &Struct{Name: p.Next()}
	if !declaration.IsIdentifier(LastName(s.Name)) {
		return nil, fmt.Errorf("%q is not the name of a struct: write it like struct ListEvent { seller: address, price: u64 }", s.Name)
	}
	for !p.Skip("{") { // type parameters and abilities
		if p.Next() == "" {
			return nil, fmt.Errorf("struct %s has no { … } with its fields", s.Name)
		}
	}
	for !p.Skip("}") {
		if len(s.Fields) > 0 && !p.Skip(",") {
			return nil, fmt.Errorf("struct %s: expected , or } but found %q", s.Name, p.Peek())
		}
		if p.Peek() == "}" {
			continue
		}
		name := p.Next()
		p.Skip(":")
		text := p.typeText()
		if !declaration.IsIdentifier(name) || text == "" {
			return nil, fmt.Errorf("struct %s: field %d: expected name: type", s.Name, len(s.Fields)+1)
		}
		s.Fields = append(s.Fields, Field{Name: name, Text: text})
	}
	return s, nil
}

// typeText reads a type with its type arguments; "" if their brackets are not closed.
func (p *parser) typeText() string {
	text := p.Next()
	if p.Peek() != "<" {
		return text
	}
	all := strings.Builder{}
	all.WriteString(text)
	for depth := 0; ; {
		token := p.Next()
		switch token {
		case "":
			return ""
		case "<":
			depth++
		case ">":
			depth--
		}
		all.WriteString(token)
		if depth == 0 {
			return all.String()
		}
	}
}
