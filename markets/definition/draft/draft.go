// Package draft drafts market definitions from what explorers and nodes give of a contract
// or module. What an event becomes is inferred from its name and those of its fields.
//
// Guarantees:
//   - A draft parses, and follows every event that was read, but those of the contract's
//     administration. It is wrong where names mislead: people must check it.
//   - Events and declarations that are left out are named in a comment.
//
// From the declaration
//
//	event ItemSold(uint256 indexed listingId, address seller, address buyer, uint256 price);
//
// comes a stream buy whose events become
//
//	kind: bought
//	order: '"" + listingId'
//	maker: seller
//	taker: buyer
//	price: price
//	currency: coin
package draft

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets/definition/internal/move"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
)

var errNothing = errors.New("neither an ABI with events, nor a Move module, nor Solidity with declarations of events: give the JSON that an explorer or a node has of a contract or module, or a contract's source")

// Definition drafts the definition, in YAML, of the market called name from an EVM
// contract's JSON ABI, from what Etherscan or Sourcify answer of a contract, from the JSON of one
// or more Move modules, or from Solidity.
// address is the contract's or the account's of the modules; if it is "", that in the text.
func Definition(name, address string, text []byte) ([]byte, error) {
	c, explored, err := fromExplorer(text)
	if err != nil {
		return nil, err
	}
	if explored && c.abi != nil {
		text = c.abi
	}
	if events, err := solidity.ParseABI(text); err == nil && len(events) > 0 {
		return fromEvents(name, address, c, events, nil), nil
	}
	if modules, err := move.ParseModules(text); err == nil {
		return fromModules(name, address, modules), nil
	}
	if events, unread := solidity.FindEvents(cmp.Or(c.source, string(text))); len(events) > 0 {
		return fromEvents(name, address, c, events, unread), nil
	}
	return nil, errNothing
}

// placeholder is an address for people to replace.
const placeholder = "0x0000000000000000000000000000000000000001"

const head = `# A draft: what each event becomes is inferred from names. Check each of them:
#   kind    is it what happened? Remove events that say nothing of the market.
#   order   its key: the same in a listing, its sale and its cancellation, and different
#           in any two orders that are open at the same time. Bids need other keys than
#           listings.
#   token   of which collection?
#   price   the whole sum: multiply a price for one unit. And which currency is it in?
# Then
#   event-worker markets check FILE
#   event-worker markets test FILE --tx HASH --endpoint URL
# docs/definitions.md has every field and function.
market: %s
kind: %s
about: what it is, for people
chains:
`

// streams are the sources of each stream, as YAML.
type streams map[string][]string

func (s streams) write(b *bytes.Buffer) {
	b.WriteString("\nstreams:\n")
	for _, name := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(b, "  %s:\n%s", name, strings.Join(s[name], ""))
	}
}
