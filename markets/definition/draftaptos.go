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
	found, strange := loggedBy(modules, known)
	fmt.Fprintf(&b, draftHead, name, markets.Aptos)
	fmt.Fprintf(&b, "  mainnet:\n    chainId: 1 # 2 is the test network\n    account: %q\n", cmp.Or(account, nowhere))
	if slices.ContainsFunc(found, func(l logged) bool { return l.handle == "" }) {
		b.WriteString("    start: 0 # the ledger version to begin with: all transactions from there on are read\n")
	}
	for _, l := range strange {
		fmt.Fprintf(&b, "\n# %s has events of %s, which is another module's: give its JSON, too.\n", l.handle, l.of)
	}
	if len(found) == 0 {
		b.WriteString("\n# No events are declared here.\nstreams: {}\n")
		return b.Bytes()
	}
	b.WriteString("\ntypes: |\n")
	for _, s := range neededBy(found, known) {
		fmt.Fprintf(&b, "  struct %s { %s }\n", s.name, strings.Join(membersOf(s), ", "))
	}
	groups := map[string][]string{}
	for _, l := range found {
		var fields []drafted
		for _, m := range l.event.fields {
			fields = append(fields, drafted{m.name, moveKind(m.text)})
		}
		event := lastName(l.event.name)
		g := guessOf(event, fields)
		stream := g.stream
		for n := 2; l.handle != "" && groups[stream] != nil; n++ { // a handle has a stream of its own
			stream = fmt.Sprintf("%s-%d", g.stream, n)
		}
		var one bytes.Buffer
		if l.handle != "" {
			fmt.Fprintf(&one, "    - handle: %s\n      event: %s\n      becomes:\n", l.handle, l.event.name)
		} else {
			fmt.Fprintf(&one, "    - event: %s\n      becomes:\n", l.event.name)
		}
		writeOutcome(&one, event, g, fields, "", `'"0x1::aptos_coin::AptosCoin"'`)
		groups[stream] = append(groups[stream], one.String())
	}
	writeStreams(&b, groups)
	return b.Bytes()
}

// logged is what a module logs: events of a handle, or module events.
type logged struct {
	handle string // module::Resource/field; "" of module events
	of     string // the events' type
	event  *structure
}

// loggedBy are the events that modules log, first those without handles, and the handles
// whose events are not known.
func loggedBy(modules []module, known library) (found, strange []logged) {
	var handled []logged
	for _, m := range modules {
		for _, s := range m.structs {
			if s.isEvent {
				found = append(found, logged{of: s.name, event: s})
			}
			for _, f := range s.fields {
				inner, ok := strings.CutPrefix(f.text, "0x1::event::EventHandle<")
				if !ok {
					continue
				}
				l := logged{handle: s.name + "/" + f.name, of: strings.TrimSuffix(inner, ">")}
				if l.event, ok = known.find(l.of); ok {
					handled = append(handled, l)
				} else {
					strange = append(strange, l)
				}
			}
		}
	}
	return append(found, handled...), strange
}

// neededBy are the structs of events, and those that these hold.
func neededBy(events []logged, known library) (all []*structure) {
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
	for _, l := range events {
		need(l.event)
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
