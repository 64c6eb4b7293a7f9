package draft

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
	"github.com/imart/event-worker/markets/definition/internal/move"
)

// fromModules drafts the events of an account's modules.
func fromModules(name, account string, modules []move.Module) []byte {
	var b bytes.Buffer
	known := move.Library{}
	for _, m := range modules {
		account = cmp.Or(account, m.Address)
		for _, s := range m.Structs {
			known.Add(s)
		}
	}
	found, foreign := loggedBy(modules, known)
	found, left := withoutAdministration(found, logged.draft)
	fmt.Fprintf(&b, head, name, markets.Aptos)
	fmt.Fprintf(&b, "  mainnet:\n    chainId: 1 # 2 is the test network\n    account: %q\n", cmp.Or(account, placeholder))
	if slices.ContainsFunc(found, func(l logged) bool { return l.handle == "" }) {
		b.WriteString("    start: 0 # the ledger version to start at: all transactions from it on are read\n")
	}
	if len(left) > 0 {
		fmt.Fprintf(&b, "\n# Left out: %s.\n", strings.Join(left, ", "))
	}
	for _, l := range foreign {
		fmt.Fprintf(&b, "\n# %s has events of %s, which is another module's: give its JSON, too.\n", l.handle, l.typeName)
	}
	if len(found) == 0 {
		b.WriteString("\n# No events are declared here.\nstreams: {}\n")
		return b.Bytes()
	}
	b.WriteString("\ntypes: |\n")
	for _, s := range neededBy(found, known) {
		fmt.Fprintf(&b, "  %s\n", s.Declaration())
	}
	all := streams{}
	for _, l := range found {
		all.addLogged(l)
	}
	all.write(&b)
	return b.Bytes()
}

// addLogged adds a source for events that modules log. Those of a handle need a stream of
// their own.
func (s streams) addLogged(l logged) {
	d := l.draft()
	inferred := infer(d)
	stream := inferred.stream
	for n := 2; l.handle != "" && s[stream] != nil; n++ {
		stream = fmt.Sprintf("%s-%d", inferred.stream, n)
	}
	source := fmt.Sprintf("    - event: %s\n      becomes:\n", l.event.Name)
	if l.handle != "" {
		source = fmt.Sprintf("    - handle: %s\n      event: %s\n      becomes:\n", l.handle, l.event.Name)
	}
	s[stream] = append(s[stream], source+d.becomes(inferred.kind))
}

// draft is the event to draft a source for.
func (l logged) draft() event {
	d := event{name: move.LastName(l.event.Name), currency: `'"0x1::aptos_coin::AptosCoin"'`}
	for _, f := range l.event.Fields {
		d.fields = append(d.fields, field{name: f.Name, kind: kindOf(f.Text)})
	}
	return d
}

// logged is a type of events that a module logs, by a handle or as module events.
type logged struct {
	handle   string // module::Resource/field; "" for module events
	typeName string
	event    *move.Struct
}

// loggedBy are the events that modules log, those without handles first. foreign are the
// handles whose events are structs of other modules.
func loggedBy(modules []move.Module, known move.Library) (found, foreign []logged) {
	var handled []logged
	for _, m := range modules {
		for _, s := range m.Structs {
			if s.IsEvent {
				found = append(found, logged{typeName: s.Name, event: s})
			}
			for _, f := range s.Fields {
				argument, ok := strings.CutPrefix(f.Text, "0x1::event::EventHandle<")
				if !ok {
					continue
				}
				l := logged{handle: s.Name + "/" + f.Name, typeName: strings.TrimSuffix(argument, ">")}
				if l.event, ok = known.Find(l.typeName); ok {
					handled = append(handled, l)
				} else {
					foreign = append(foreign, l)
				}
			}
		}
	}
	return append(found, handled...), foreign
}

// neededBy are the structs of events, and those of their fields.
func neededBy(events []logged, known move.Library) (all []*move.Struct) {
	var need func(s *move.Struct)
	need = func(s *move.Struct) {
		if slices.Contains(all, s) {
			return
		}
		all = append(all, s)
		for _, f := range s.Fields {
			for _, name := range strings.FieldsFunc(f.Text, func(r rune) bool { return strings.ContainsRune("<>,", r) }) {
				if inner, ok := known.Find(name); ok {
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

// kindOf is the kind of a type's values; a type that is not Move's own is a struct.
func kindOf(text string) expression.Kind {
	t, err := move.Library{}.TypeOf(text)
	if err != nil {
		return expression.StructKind
	}
	return expression.KindOf(t.Expression())
}
