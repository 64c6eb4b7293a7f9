package draft

import "slices"

// plumbing has events that contracts of every kind log, and that say nothing of markets.
var plumbing = []string{
	"Approval", "ApprovalForAll", "Transfer", "TransferSingle", "TransferBatch", "URI",
	"OwnershipTransferred", "OwnershipTransferStarted", "OwnershipHandoverRequested", "OwnershipHandoverCanceled",
	"OwnerUpdated", "Paused", "Unpaused", "Initialized", "EIP712DomainChanged",
	"Upgraded", "AdminChanged", "BeaconUpgraded", "RoleGranted", "RoleRevoked", "RoleAdminChanged", "DiamondCut",
}

// Words of the names of events that change how a market is run: of what, and how.
var (
	administered = []string{
		"fee", "fees", "treasury", "admin", "owner", "ownership", "operator", "role", "manager", "whitelist", "whitelisted", "blacklist",
		"executor", "governance", "governor", "guardian", "oracle", "implementation", "protocol", "strategy", "selector", "policy",
		"creator", "currency", "wallet", "signer", "verifier", "delegate", "recipient", "beneficiary", "config", "settings", "registry", "paused", "affiliate",
	}
	administers = []string{
		"new", "set", "update", "updated", "change", "changed", "add", "added", "remove", "removed", "grant", "granted", "revoke", "revoked",
		"transferred", "enabled", "disabled", "approved", "status", "initiated", "proposed", "toggled",
	}
)

// administers says whether an event is of the running of a contract and not of its orders: its
// name says so, and it has neither a token nor an order.
func (e event) administers() bool {
	if slices.Contains(plumbing, e.name) {
		return true
	}
	words := wordsOf(e.name)
	any := func(of []string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(of, word) })
	}
	return any(administered) && any(administers) && e.token() == "" && e.orderKey() == ""
}

// withoutAdministration separates the events that are left out of a draft, unless there are no
// others.
func withoutAdministration[T any](events []T, of func(T) event) (kept []T, left []string) {
	for _, e := range events {
		if d := of(e); d.administers() {
			left = append(left, d.name)
		} else {
			kept = append(kept, e)
		}
	}
	if len(kept) == 0 {
		return events, nil
	}
	slices.Sort(left)
	return kept, slices.Compact(left)
}
