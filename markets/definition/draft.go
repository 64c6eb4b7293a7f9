package definition

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Draft writes a definition to begin with, out of an EVM contract's ABI or a Move
// module as their JSON is, or of Solidity: all events, and for each what its name makes
// likely. It is sound, and wrong where names mislead: people must read it. address is the
// contract's, or that of the module's account; "" is the one that the text names.
func Draft(name, address string, text []byte) ([]byte, error) {
	if events, err := parseABI(text); err == nil && len(events) > 0 {
		return draftEVM(name, address, events, nil), nil
	}
	if modules, err := parseModules(text); err == nil {
		return draftAptos(name, address, modules), nil
	}
	if events, unread := eventsIn(string(text)); len(events) > 0 {
		return draftEVM(name, address, events, unread), nil
	}
	return nil, errors.New("neither an ABI with events nor a Move module: want the JSON that an explorer or a node gives of a contract or module, or Solidity's declarations of events")
}

// nowhere stands for an address that people must put in.
const nowhere = "0x0000000000000000000000000000000000000001"

const draftHead = `# A draft: what each event becomes is guessed from names. Look at each of them:
#   kind    is it what happened? Remove what tells nothing of the market.
#   order   its key: the same in a listing, its sale and its cancellation, and in no two
#           orders that are open at once. Bids want another one than listings.
#   token   of which collection?
#   price   the whole sum: multiply it if it is for one unit. And what is it in?
# Then
#   event-worker markets check FILE
#   event-worker markets test FILE --tx HASH --endpoint URL
# docs/definitions.md has every field and function.
market: %s
kind: %s
about: what it is, for people
chains:
`

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
