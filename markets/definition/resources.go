package definition

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/types"

	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/expression"
	"github.com/imart/event-worker/markets/definition/internal/move"
)

// resource is a type of resources that a source can see, by address, as far as the event's
// transaction has written them.
type resource struct {
	name     string
	typeName string // module::Struct, perhaps with an address in front
	body     *move.Struct
}

// resources reads the names of a source's resources, and their types in expressions.
func (p *parsing) resources(n *yamlfile.Node, src *source, names types.Map) {
	for _, n := range n.Children() {
		r := resource{name: n.Name(), typeName: n.Text()}
		_, taken := names[r.name]
		body, ok := p.structs.Find(r.typeName)
		switch {
		case !letPattern.MatchString(r.name):
			n.Add("%.80q is not a name: letters, digits and '_', not starting with a digit", r.name)
			continue
		case taken:
			n.Add("%s is taken: choose another name", r.name)
			continue
		case !strings.Contains(r.typeName, "::"):
			n.Add("write the type with its module, like my_market::%s", r.typeName)
			continue
		case !isKept(r.typeName):
			n.Add("resources of this account are not kept: only those of the market's own modules, of 0x1::object, 0x3 and 0x4")
			continue
		case !ok:
			n.Add("unknown struct %s: declare it in types", r.typeName)
			continue
		}
		var err error
		if r.body, err = p.structs.Resolve(body); err != nil {
			fail(n, err)
			continue
		}
		names[r.name] = types.Map{types.Extra: r.body.Types()}
		src.resources = append(src.resources, r)
	}
}

// isKept says whether the chain keeps resources of a type for decoders (markets.AptosTransaction).
func isKept(typeName string) bool {
	account, rest, _ := strings.Cut(typeName, "::")
	if !strings.HasPrefix(account, "0x") {
		return true
	}
	switch long, _ := address.Aptos(account); strings.TrimLeft(strings.TrimPrefix(long, "0x"), "0") {
	case "1":
		return strings.HasPrefix(rest, "object::")
	case "3", "4":
		return true
	}
	return false
}

// readResources sets the resources that the transaction has written, by name and address. The
// events of a transaction share them.
func (b *boundSource) readResources(w *workspace, ledger *markets.AptosTransaction, into expression.Values) error {
	if w.ledger != ledger || w.resources == nil {
		w.ledger, w.resources = ledger, map[string]map[string]any{}
	}
	for _, r := range b.source.resources {
		if !b.used[r.name] {
			continue
		}
		wanted := qualified(b.home(b.account), r.typeName)
		found, ok := w.resources[wanted]
		if !ok {
			var err error
			if found, err = read(ledger, wanted, r.body); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			w.resources[wanted] = found
		}
		into[r.name] = found
	}
	return nil
}

// read reads the resources of a type, by address. Of several at one address, which differ in
// their type arguments, it is the first.
func read(ledger *markets.AptosTransaction, typeName string, body *move.Struct) (map[string]any, error) {
	found := map[string]any{}
	if ledger == nil {
		return found, nil
	}
	for i := range ledger.Resources {
		r := &ledger.Resources[i]
		bare, _, _ := strings.Cut(r.Type, "<")
		if _, known := found[r.Address]; known || qualified("", bare) != typeName {
			continue
		}
		fields := map[string]any{}
		if err := move.Read(body, r.Data, nil, fields); err != nil {
			return nil, fmt.Errorf("resource at %s: %w", r.Address, err)
		}
		found[r.Address] = fields
	}
	return found, nil
}

// typeArguments are those of a type, as the node writes them.
func typeArguments(typeName string) []any {
	_, list, _ := strings.Cut(strings.TrimSuffix(typeName, ">"), "<")
	arguments, depth, from := []any{}, 0, 0
	for i, c := range list {
		switch c {
		case '<':
			depth++
		case '>':
			depth--
		case ',':
			if depth == 0 {
				arguments, from = append(arguments, strings.TrimSpace(list[from:i])), i+1
			}
		}
	}
	if last := strings.TrimSpace(list[from:]); last != "" {
		arguments = append(arguments, last)
	}
	return arguments
}
