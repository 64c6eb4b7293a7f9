package catalogue_test

import (
	"testing"

	"github.com/imart/event-worker/markets"
)

// Orders of Seaport that were signed off chain, as far as the logs of their fills tell.
func TestSeaportOrdersSignedOffChain(t *testing.T) {
	const (
		contract = "@0x0000000000000068F116a894984e2DB1123eB395"
		bundle   = "0x5b062a90f00a2a83d8fe04c1a3971af5e29674b0248f8ec62774d6e84bc9ae0f" + contract
		offer    = "0x6666666666666666666666666666666666666666666666666666666666666666" + contract
		maker    = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
		other    = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"
		last     = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
	)
	ape := func(id string) markets.Token {
		return markets.Token{Collection: "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0", ID: id, Standard: markets.ERC721}
	}
	sold := markets.Order{Status: markets.Sold, Side: markets.Ask, Maker: maker, Taker: other, Price: "1000000000000000000", Quantity: "1", Filled: "1", Token: ape("8")}
	for file, c := range map[string]struct {
		key  string
		want markets.Order
	}{
		// An ERC-721 token and ERC-1155 units can only be sold whole.
		"bundle": {bundle, sold},
		// What was sold before the maker's counter rises stays sold.
		"bundle-counter": {bundle, sold},
		// Two tokens for one offer: for how many it is, and whether it is open, is not known.
		"collection-offer-twice": {offer, markets.Order{
			Status: markets.Partial, Side: markets.Bid, Maker: other, Taker: last, Price: "200000000000000000", Filled: "2", Token: ape(""),
		}},
	} {
		events, _ := decoded(t, "seaport", 1, "seaport-made-"+file+".json")
		order, known := markets.FoldOrder("ethereum", "seaport", c.key, only(events, func(e markets.Event) bool {
			return e.Order == c.key || e.Kind == markets.OrdersCancelled
		}))
		if !known || summary(order) != summary(c.want) || order.Paid != c.want.Price {
			t.Errorf("%s:\n is   %s, paid %s\n want %s", file, summary(order), order.Paid, summary(c.want))
		}
	}
}
