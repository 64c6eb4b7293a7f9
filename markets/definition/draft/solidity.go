package draft

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
)

// fromEvents drafts a contract's events. unread are declarations that could not be read.
func fromEvents(name, address string, c contract, events []*solidity.Event, unread []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, head, name, markets.EVM)
	b.WriteString(c.chains(address) + "\nabi: |\n")
	events, left := withoutAdministration(events, eventOf)
	slices.SortFunc(events, func(a, b *solidity.Event) int { return strings.Compare(a.Signature(), b.Signature()) })
	overloads := map[string]int{}
	for _, e := range events {
		fmt.Fprintf(&b, "  %s\n", e.Declaration())
		overloads[e.RawName]++
	}
	if len(left) > 0 {
		fmt.Fprintf(&b, "\n# Left out: %s.\n", strings.Join(left, ", "))
	}
	for _, reason := range unread {
		fmt.Fprintf(&b, "\n# Not read, add it to abi by hand: %s\n", reason)
	}
	all := streams{}
	for _, e := range events {
		title := e.RawName
		if overloads[title] > 1 {
			title = e.Signature()
		}
		d := eventOf(e)
		inferred := infer(d)
		all[inferred.stream] = append(all[inferred.stream], fmt.Sprintf("    - event: %s\n      becomes:\n", title)+d.becomes(inferred.kind))
	}
	all.write(&b)
	return b.Bytes()
}

// eventOf is an event of a contract. The fields of its structs come after its own.
func eventOf(e *solidity.Event) event {
	d := event{name: e.RawName, emitter: "emitter", currency: "coin"}
	for _, p := range e.Parameters {
		d.fields = append(d.fields, field{name: p.Name, kind: expression.KindOf(solidity.TypeOf(p))})
	}
	for _, p := range e.Parameters {
		if p.Type.T != abi.TupleTy || p.Indexed {
			continue
		}
		for i, name := range p.Type.TupleRawNames {
			inner := abi.Argument{Type: *p.Type.TupleElems[i]}
			d.fields = append(d.fields, field{name: name, of: p.Name, kind: expression.KindOf(solidity.TypeOf(inner))})
		}
	}
	if currency := d.find(expression.TextKind, "currency", "paymenttoken", "paytoken", "quotetoken", "erc20"); currency != "" {
		d.currency = currency
	}
	return d
}
