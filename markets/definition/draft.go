package definition

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"

	"github.com/imart/event-worker/markets"
)

// Draft writes a definition to begin with, out of an EVM contract's ABI or a Move
// module as their JSON is: all events, and for each what its name makes likely. It is
// sound, and wrong where names mislead: people must read it. address is the contract's,
// or that of the module's account; "" is the one that the text names.
func Draft(name, address string, text []byte) ([]byte, error) {
	if events, err := parseABI(text); err == nil && len(events) > 0 {
		return draftEVM(name, address, events), nil
	}
	if modules, err := parseModules(text); err == nil {
		return draftAptos(name, address, modules), nil
	}
	return nil, errors.New("neither an ABI with events nor a Move module: want the JSON that an explorer or a node gives of a contract or module")
}

// nowhere stands for an address that people must put in.
const nowhere = "0x0000000000000000000000000000000000000001"

const draftHead = `# A draft: what each event becomes is guessed from names. Put it right, then
#   event-worker markets check FILE
#   event-worker markets test FILE --tx HASH --endpoint URL
# docs/definitions.md has every field and function.
market: %s
kind: %s
about: what it is, for people
chains:
`

func draftEVM(name, address string, events []*event) []byte {
	var b bytes.Buffer
	if address == "" {
		address = nowhere
	}
	fmt.Fprintf(&b, draftHead, name, markets.EVM)
	fmt.Fprintf(&b, "  ethereum: # a name for people\n    chainId: 1\n    start: 0 # the block that the contract was made in\n    contracts:\n      main: %q\n\nabi: |\n", address)
	slices.SortFunc(events, func(a, b *event) int { return strings.Compare(a.signature(), b.signature()) })
	named := map[string]int{}
	for _, e := range events {
		fmt.Fprintf(&b, "  %s\n", declaration(e))
		named[e.RawName]++
	}
	groups := map[string][]string{}
	for _, e := range events {
		var fields []drafted
		for _, f := range e.fields {
			fields = append(fields, drafted{f.Name, solidityKind(f)})
		}
		title := e.RawName
		if named[title] > 1 {
			title = e.signature()
		}
		g := guessOf(e.RawName, fields)
		var one bytes.Buffer
		fmt.Fprintf(&one, "    - event: %s\n      becomes:\n", title)
		writeOutcome(&one, e.RawName, g, fields, "coin")
		groups[g.stream] = append(groups[g.stream], one.String())
	}
	writeStreams(&b, groups)
	return b.Bytes()
}

func writeStreams(b *bytes.Buffer, groups map[string][]string) {
	var names []string
	for name := range groups {
		names = append(names, name)
	}
	slices.Sort(names)
	b.WriteString("\nstreams:\n")
	for _, name := range names {
		fmt.Fprintf(b, "  %s:\n%s", name, strings.Join(groups[name], ""))
	}
}

// declaration is an event as Solidity declares it.
func declaration(e *event) string {
	parts := make([]string, len(e.fields))
	for i, f := range e.fields {
		parts[i] = declared(f.Type)
		if f.Indexed {
			parts[i] += " indexed"
		}
		parts[i] += " " + f.Name
	}
	return "event " + e.RawName + "(" + strings.Join(parts, ", ") + ")"
}

// declared is a type as Solidity declares it, tuples with the names of their fields.
func declared(t abi.Type) string {
	switch t.T {
	case abi.SliceTy:
		return declared(*t.Elem) + "[]"
	case abi.ArrayTy:
		return fmt.Sprintf("%s[%d]", declared(*t.Elem), t.Size)
	case abi.TupleTy:
		parts := make([]string, len(t.TupleElems))
		for i, e := range t.TupleElems {
			parts[i] = declared(*e) + " " + t.TupleRawNames[i]
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	return t.String()
}

func solidityKind(f abi.Argument) kind {
	switch t := f.Type; {
	case f.Indexed && hashed(t):
		return isText
	case t.T == abi.IntTy || t.T == abi.UintTy:
		return isNumber
	case t.T == abi.BoolTy:
		return isBoolean
	case t.T == abi.SliceTy || t.T == abi.ArrayTy:
		return isList
	case t.T == abi.TupleTy:
		return isStruct
	}
	return isText
}

func draftAptos(name, account string, modules []module) []byte {
	var b bytes.Buffer
	known := library{}
	for _, m := range modules {
		account = cmp.Or(account, m.address)
		for _, s := range m.structs {
			known.add(s)
		}
	}
	fmt.Fprintf(&b, draftHead, name, markets.Aptos)
	fmt.Fprintf(&b, "  mainnet:\n    chainId: 1 # 2 is the test network\n    account: %q\n", cmp.Or(account, nowhere))
	handles, strange := handlesOf(modules, known)
	for _, h := range strange {
		fmt.Fprintf(&b, "\n# %s has events of %s, which is another module's: give its JSON, too.\n", h.path, h.of)
	}
	if len(handles) == 0 {
		b.WriteString("\n# There are no event handles here: these events cannot be followed.\nstreams: {}\n")
		return b.Bytes()
	}
	b.WriteString("\ntypes: |\n")
	for _, s := range neededBy(handles, known) {
		fmt.Fprintf(&b, "  struct %s { %s }\n", s.name, strings.Join(membersOf(s), ", "))
	}
	groups := map[string][]string{}
	for _, h := range handles {
		var fields []drafted
		for _, m := range h.event.fields {
			fields = append(fields, drafted{m.name, moveKind(m.text)})
		}
		event := lastName(h.event.name)
		g := guessOf(event, fields)
		stream := g.stream
		for n := 2; groups[stream] != nil; n++ { // a stream is one handle
			stream = fmt.Sprintf("%s-%d", g.stream, n)
		}
		var one bytes.Buffer
		fmt.Fprintf(&one, "    - handle: %s\n      event: %s\n      becomes:\n", h.path, h.event.name)
		writeOutcome(&one, event, g, fields, `'"0x1::aptos_coin::AptosCoin"'`)
		groups[stream] = []string{one.String()}
	}
	writeStreams(&b, groups)
	return b.Bytes()
}

// handle is an event handle of a module's resource.
type handle struct {
	path  string // module::Resource/field
	of    string // its events' type
	event *structure
}

// handlesOf are the event handles of modules, and those whose events are not known.
func handlesOf(modules []module, known library) (handles, strange []handle) {
	for _, m := range modules {
		for _, resource := range m.structs {
			for _, f := range resource.fields {
				inner, ok := strings.CutPrefix(f.text, "0x1::event::EventHandle<")
				if !ok {
					continue
				}
				h := handle{path: resource.name + "/" + f.name, of: strings.TrimSuffix(inner, ">")}
				if h.event, ok = known.find(h.of); ok {
					handles = append(handles, h)
				} else {
					strange = append(strange, h)
				}
			}
		}
	}
	return handles, strange
}

// neededBy are the structs of the handles' events, and those that these hold.
func neededBy(handles []handle, known library) (all []*structure) {
	var need func(s *structure)
	need = func(s *structure) {
		if slices.Contains(all, s) {
			return
		}
		all = append(all, s)
		for _, f := range s.fields {
			for _, name := range strings.FieldsFunc(f.text, func(r rune) bool { return strings.ContainsRune("<>,", r) }) {
				if inner, ok := known.find(name); ok {
					need(inner)
				}
			}
		}
	}
	for _, h := range handles {
		need(h.event)
	}
	return all
}

// membersOf are a struct's fields as Move declares them.
func membersOf(s *structure) (all []string) {
	for _, f := range s.fields {
		all = append(all, f.name+": "+f.text)
	}
	return all
}

func moveKind(text string) kind {
	switch t, err := (library{}).typeOf(text, 0); {
	case err != nil:
		return isStruct
	case t.name == "number":
		return isNumber
	case t.name == "bool":
		return isBoolean
	case t.of != nil:
		return isList
	}
	return isText
}
