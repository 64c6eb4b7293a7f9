package definition

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets"
)

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
		writeOutcome(&one, event, g, fields, "", `'"0x1::aptos_coin::AptosCoin"'`)
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
