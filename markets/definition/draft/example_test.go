package draft_test

import (
	"fmt"
	"strings"

	"github.com/imart/event-worker/markets/definition/draft"
)

// A definition is drafted from a contract's source.
func ExampleDefinition() {
	drafted, err := draft.Definition("shop", "0x00000000000000000000000000000000000000aa", []byte(`
contract Shop {
    event ItemSold(uint256 indexed listingId, address seller, address buyer, uint256 price);
    event Paused(address by);
}`))
	if err != nil {
		panic(err)
	}
	_, text, _ := strings.Cut(string(drafted), "chains:") // after the comment for people
	fmt.Println("chains:" + text)
	// Output:
	// chains:
	//   ethereum: # a name for people
	//     chainId: 1
	//     start: 0 # the block that the contract was deployed in
	//     contracts:
	//       main: "0x00000000000000000000000000000000000000aa"
	//
	// abi: |
	//   event ItemSold(uint256 indexed listingId, address seller, address buyer, uint256 price)
	//
	// # Left out: Paused.
	//
	// streams:
	//   buy:
	//     - event: ItemSold
	//       becomes:
	//         kind: bought
	//         order: '"" + listingId'
	//         maker: seller
	//         taker: buyer
	//         price: price
	//         currency: coin
}
