package draft

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
)

// fromEvents drafts a contract's events. unread are declarations that could not be read.
func fromEvents(name, address string, events []*solidity.Event, unread []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, head, name, markets.EVM)
	fmt.Fprintf(&b, "  ethereum: # a name for people\n    chainId: 1\n    start: 0 # the block that the contract was deployed in\n    contracts:\n      main: %q\n\nabi: |\n", cmp.Or(address, placeholder))
	events, left := withoutPlumbing(events)
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
		d := event{name: e.RawName, emitter: "emitter", currency: "coin"}
		for _, p := range e.Parameters {
			d.fields = append(d.fields, field{p.Name, expression.KindOf(solidity.TypeOf(p))})
		}
		inferred := infer(d)
		all[inferred.stream] = append(all[inferred.stream], fmt.Sprintf("    - event: %s\n      becomes:\n", title)+d.becomes(inferred.kind))
	}
	all.write(&b)
	return b.Bytes()
}

// plumbing has events that contracts of every kind log, and that say nothing of markets.
var plumbing = []string{
	"Approval", "ApprovalForAll", "Transfer", "TransferSingle", "TransferBatch", "URI",
	"OwnershipTransferred", "OwnershipTransferStarted", "Paused", "Unpaused", "Initialized",
	"Upgraded", "AdminChanged", "BeaconUpgraded", "RoleGranted", "RoleRevoked", "RoleAdminChanged", "DiamondCut",
}

// withoutPlumbing leaves plumbing out and names what it left out, unless there are no other
// events.
func withoutPlumbing(events []*solidity.Event) (kept []*solidity.Event, left []string) {
	for _, e := range events {
		if slices.Contains(plumbing, e.RawName) {
			left = append(left, e.RawName)
		} else {
			kept = append(kept, e)
		}
	}
	if len(kept) == 0 {
		return events, nil
	}
	return kept, left
}
