package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/types"
)

// move is a type of Move.
type move struct {
	name string // u64, address, bool, text, bytes, list, option, object; or that of a struct
	of   *move  // list and option
	body *structure
}

// structure is a struct of Move.
type structure struct {
	name    string // module::Name, or Name
	fields  []member
	isEvent bool // a module says that it logs it without a handle
}

type member struct {
	name string
	text string // its type as it stands
	move move
}

// parseStructs reads structs as Move's source declares them.
func parseStructs(text string) (out []*structure, err error) {
	p := &words{words: tokens(text)}
	for p.peek() != "" {
		s, err := p.structure()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (p *words) structure() (*structure, error) {
	p.skip("public")
	p.skip("struct")
	s := &structure{name: p.word()}
	if !isIdentifier(lastName(s.name)) {
		return nil, fmt.Errorf("%q is no name of a struct: write it like struct ListEvent { seller: address, price: u64 }", s.name)
	}
	for !p.skip("{") { // type parameters and abilities
		if p.word() == "" {
			return nil, fmt.Errorf("struct %s is without { … } of its fields", s.name)
		}
	}
	for !p.skip("}") {
		if len(s.fields) > 0 && !p.skip(",") {
			return nil, fmt.Errorf("struct %s: %q where , or } is expected", s.name, p.peek())
		}
		if p.peek() == "}" {
			continue
		}
		name := p.word()
		p.skip(":")
		kind := p.moveType()
		if !isIdentifier(name) || kind == "" {
			return nil, fmt.Errorf("struct %s: field %d: expected name: type", s.name, len(s.fields)+1)
		}
		s.fields = append(s.fields, member{name: name, text: kind})
	}
	return s, nil
}

// moveType reads a type with what stands in its angle brackets.
func (p *words) moveType() string {
	text := p.word()
	if p.peek() != "<" {
		return text
	}
	for depth := 0; ; {
		w := p.word()
		switch w {
		case "":
			return ""
		case "<":
			depth++
		case ">":
			depth--
		}
		text += w
		if depth == 0 {
			return text
		}
	}
}

// module is a Move module: what its account published.
type module struct {
	address string
	structs []*structure
}

// parseModules reads the JSON of a module, or of all modules of an account, as nodes
// answer it.
func parseModules(text []byte) ([]module, error) {
	type answer struct {
		Address string `json:"address"`
		Name    string `json:"name"`
		Structs []struct {
			Name    string `json:"name"`
			IsEvent bool   `json:"is_event"`
			Fields  []struct {
				Name string `json:"name"`
				Type string `json:"type"`
			} `json:"fields"`
		} `json:"structs"`
	}
	type wrapped struct {
		answer
		ABI *answer `json:"abi"`
	}
	all := make([]wrapped, 1)
	var err error
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		err = json.Unmarshal(text, &all)
	} else {
		err = json.Unmarshal(text, &all[0])
	}
	if err != nil {
		return nil, fmt.Errorf("no Move module: %w", err)
	}
	var out []module
	for _, w := range all {
		m := w.answer
		if w.ABI != nil {
			m = *w.ABI
		}
		if m.Name == "" || len(m.Structs) == 0 {
			continue
		}
		read := module{address: m.Address}
		for _, s := range m.Structs {
			structure := &structure{name: m.Name + "::" + s.Name, isEvent: s.IsEvent}
			for _, f := range s.Fields {
				structure.fields = append(structure.fields, member{name: f.Name, text: strings.ReplaceAll(f.Type, " ", "")})
			}
			read.structs = append(read.structs, structure)
		}
		out = append(out, read)
	}
	if len(out) == 0 {
		return nil, errors.New("no Move module: it has no name or no structs")
	}
	return out, nil
}

// known are structs of the framework that events often have.
const known = `
	struct TypeInfo { account_address: address, module_name: vector<u8>, struct_name: vector<u8> }
	struct TokenDataId { creator: address, collection: String, name: String }
	struct TokenId { token_data_id: TokenDataId, property_version: u64 }
`

// library is the structs that a definition knows, by all of their names.
type library map[string]*structure

func (l library) add(s *structure) {
	l[s.name] = s
	if short := lastName(s.name); l[short] == nil || short == s.name {
		l[short] = s
	}
}

func lastName(name string) string { return name[strings.LastIndex(name, ":")+1:] }

// find finds a struct by a name that may have an address and a module in front. A struct
// that was declared without its module is of any.
func (l library) find(name string) (*structure, bool) {
	if strings.HasPrefix(name, "0x") {
		_, name, _ = strings.Cut(name, "::")
	}
	if s, ok := l[name]; ok {
		return s, true
	}
	s, ok := l[lastName(name)]
	return s, ok && !strings.Contains(s.name, "::")
}

var errDeep = errors.New("structs within structs, more than 8 deep: or one within itself")

// resolve finds the types of a struct's fields.
func (l library) resolve(s *structure, depth int) (*structure, error) {
	if depth > 8 {
		return nil, errDeep
	}
	out := &structure{name: s.name}
	for _, f := range s.fields {
		t, err := l.typeOf(f.text, depth)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		out.fields = append(out.fields, member{f.name, f.text, t})
	}
	return out, nil
}

func (l library) typeOf(text string, depth int) (move, error) {
	if depth > 8 {
		return move{}, errDeep
	}
	outer, inner, generic := strings.Cut(strings.TrimSuffix(text, ">"), "<")
	name := lastName(outer)
	switch name {
	case "u8", "u16", "u32", "u64", "u128", "u256", "i8", "i16", "i32", "i64", "i128", "i256":
		return move{name: "number"}, nil
	case "bool", "address":
		return move{name: name}, nil
	case "String":
		return move{name: "text"}, nil
	case "Object":
		return move{name: "object"}, nil
	case "vector", "Option":
		if name == "vector" && inner == "u8" {
			return move{name: "bytes"}, nil
		}
		of, err := l.typeOf(inner, depth+1)
		return move{name: strings.ToLower(name), of: &of}, err
	}
	if s, ok := l.find(outer); ok {
		body, err := l.resolve(s, depth+1)
		return move{name: name, body: body}, err
	}
	if generic {
		outer += "<…>"
	}
	return move{}, fmt.Errorf("unknown type %s: declare it in types", outer)
}

// expr is the type of its values in expressions.
func (m move) expr() types.Type {
	switch {
	case m.body != nil:
		return m.body.names()
	case m.of != nil:
		return types.Array(m.of.expr())
	case m.name == "number":
		return numberType
	case m.name == "bool":
		return types.Bool
	}
	return types.String
}

func (s *structure) names() types.Map {
	names := types.Map{}
	for _, f := range s.fields {
		names[f.name] = f.move.expr()
	}
	return names
}

// moveReader reads values of Move types from a node's JSON. left bounds how many
// values one event may have.
type moveReader struct{ left int }

// fields reads a struct's fields, those that are used if used is not nil.
func (r *moveReader) fields(s *structure, data json.RawMessage, used map[string]bool, into map[string]any) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		return fmt.Errorf("%.60q is no struct", data)
	}
	for _, f := range s.fields {
		if used != nil && !used[f.name] {
			continue
		}
		text, ok := object[f.name]
		if !ok {
			return fmt.Errorf("the event has no field %s: it has %s", f.name, strings.Join(sorted(object), ", "))
		}
		value, err := r.value(f.move, text)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		into[f.name] = value
	}
	return nil
}

func sorted(object map[string]json.RawMessage) []string {
	var names []string
	for name := range object {
		names = append(names, fmt.Sprintf("%.40s", name))
	}
	slices.Sort(names)
	return names[:min(len(names), 20)]
}

func (r *moveReader) value(m move, data json.RawMessage) (any, error) {
	if r.left--; r.left < 0 {
		return nil, errMany
	}
	if string(bytes.TrimSpace(data)) == "null" {
		return nil, fmt.Errorf("null is no %s", m.name)
	}
	if m.body != nil {
		fields := map[string]any{}
		return fields, r.fields(m.body, data, nil, fields)
	}
	switch m.name {
	case "bool":
		switch string(data) { // older modules write them as texts
		case "true", `"true"`:
			return true, nil
		case "false", `"false"`:
			return false, nil
		}
		return nil, fmt.Errorf("%.60q is no bool", data)
	case "vector":
		return r.list(*m.of, data)
	case "option":
		var o struct {
			Vec json.RawMessage `json:"vec"`
		}
		if err := json.Unmarshal(data, &o); err != nil || o.Vec == nil {
			return nil, fmt.Errorf("%.60q is no Option", data)
		}
		return r.list(*m.of, o.Vec)
	case "object":
		var o struct {
			Inner string `json:"inner"`
		}
		if err := json.Unmarshal(data, &o); err != nil {
			return nil, fmt.Errorf("%.60q is no Object", data)
		}
		return normalised(o.Inner)
	case "number":
		return parseNumber(string(bytes.Trim(data, `"`)))
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return nil, fmt.Errorf("%.60q is no %s", data, m.name)
	}
	if m.name == "address" {
		return normalised(text)
	}
	return text, nil
}

func (r *moveReader) list(of move, data json.RawMessage) (any, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(data, &elements); err != nil {
		return nil, fmt.Errorf("%.60q is no list", data)
	}
	if len(elements) > maxList {
		return nil, errMany
	}
	list := make([]any, len(elements))
	for i, element := range elements {
		var err error
		if list[i], err = r.value(of, element); err != nil {
			return nil, err
		}
	}
	return list, nil
}
