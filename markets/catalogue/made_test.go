package catalogue_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// What was not recorded is constructed: with the declarations of the contracts' sources and
// go-ethereum's encoder.
const (
	transfer721  = "event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)"
	transfer20   = "event Transfer(address indexed from, address indexed to, uint256 value)"
	transfer1155 = "event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value)"

	ordersMatched  = "event OrdersMatched(bytes32 buyHash, bytes32 sellHash, address indexed maker, address indexed taker, uint256 price, bytes32 indexed metadata)"
	orderCancelled = "event OrderCancelled(bytes32 indexed hash)"
)

var (
	seller = common.HexToAddress("0x5e")
	weth   = common.HexToAddress("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")
	none   = [32]byte{}
)

// folded are the orders that events make, by key.
func folded(events []markets.Event) map[string]markets.Order {
	slices.SortStableFunc(events, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	orders := map[string]markets.Order{}
	for _, e := range events {
		if e.Order != "" {
			orders[e.Order], _ = markets.FoldOrder("chain", "market", e.Order, only(events, func(o markets.Event) bool {
				return o.Order == e.Order || o.Kind == markets.OrdersCancelled
			}))
		}
	}
	return orders
}

// Wyvern's event has the parties of a sale, but neither its token nor its currency: they
// are those of the transfers before the event and after the sale before it.
func TestWyvernInEveryForm(t *testing.T) {
	m := markettest.Mainnet(t, "wyvern")
	matched := func(buy, sell byte, maker, taker common.Address, price int) markets.Raw {
		return matched(t, buy, sell, maker, taker, price)
	}
	beast := func(id string) markets.Token {
		return markets.Token{Collection: nft.Hex(), ID: id, Standard: markets.ERC721}
	}
	key := func(b byte) string { h := common.Hash{b}; return h.Hex() }
	events := decode(t, m, slices.Concat(
		// a listing sold for ETH, and then, in the same transaction, one of ERC-1155 for WETH
		markettest.Transaction(1,
			markettest.Log(t, nft, transfer721, seller, buyer, 1), matched(0, 1, seller, buyer, 100),
			markettest.Log(t, weth, transfer20, buyer, seller, 200), markettest.Log(t, gallery, transfer1155, exchange, seller, buyer, 7, 5), matched(0, 2, seller, buyer, 200)),
		// an offer taken: its maker is who gets the token
		markettest.Transaction(2,
			markettest.Log(t, weth, transfer20, buyer, seller, 300), markettest.Log(t, nft, transfer721, seller, buyer, 3), matched(3, 0, buyer, seller, 300)),
		// something that follows no standard, by a listing and by an offer
		markettest.Transaction(3, matched(0, 4, seller, buyer, 400)),
		markettest.Transaction(4, matched(5, 0, buyer, seller, 500)),
		// matched by a third party: a listing, and an offer
		markettest.Transaction(7, markettest.Log(t, nft, transfer721, seller, buyer, 8), matched(9, 8, seller, buyer, 800)),
		markettest.Transaction(8, markettest.Log(t, nft, transfer721, seller, buyer, 10), matched(10, 11, buyer, seller, 900)),
		// a listing whose seller pays no fee
		markettest.Transaction(9, markettest.Log(t, nft, transfer721, seller, buyer, 12), matched(0, 12, buyer, seller, 1000)),
		markettest.Transaction(5, markettest.Log(t, exchange, orderCancelled, [32]byte{6})),
		// a stranger's contract logs the same
		markettest.Transaction(6, func() markets.Raw { r := matched(0, 7, seller, buyer, 1); r.Address = nft; return r }()),
	))
	golden(t, "wyvern-made", events)
	orders := folded(events)
	if len(orders) != 11 {
		t.Errorf("%d orders", len(orders))
	}
	for name, want := range map[string]markets.Order{
		key(1):  {Status: markets.Sold, Side: markets.Ask, Maker: seller.Hex(), Taker: buyer.Hex(), Price: "100", Token: beast("1"), Quantity: "1", Filled: "1"},
		key(2):  {Status: markets.Sold, Side: markets.Ask, Maker: seller.Hex(), Taker: buyer.Hex(), Price: "200", Token: markets.Token{Collection: gallery.Hex(), ID: "7", Standard: markets.ERC1155}, Quantity: "5", Filled: "5"},
		key(3):  {Status: markets.Sold, Side: markets.Bid, Maker: buyer.Hex(), Taker: seller.Hex(), Price: "300", Token: beast("3"), Quantity: "1", Filled: "1"},
		key(4):  {Status: markets.Sold, Side: markets.Ask, Maker: seller.Hex(), Taker: buyer.Hex(), Price: "400"},
		key(5):  {Status: markets.Sold, Side: markets.Bid, Maker: buyer.Hex(), Taker: seller.Hex(), Price: "500"},
		key(8):  {Status: markets.Sold, Side: markets.Ask, Maker: seller.Hex(), Taker: buyer.Hex(), Price: "800", Token: beast("8"), Quantity: "1", Filled: "1"},
		key(10): {Status: markets.Sold, Side: markets.Bid, Maker: buyer.Hex(), Taker: seller.Hex(), Price: "900", Token: beast("10"), Quantity: "1", Filled: "1"},
		key(12): {Status: markets.Sold, Side: markets.Ask, Maker: seller.Hex(), Taker: buyer.Hex(), Price: "1000", Token: beast("12"), Quantity: "1", Filled: "1"},
		key(6):  {Status: markets.Canceled}, // the event does not tell the side
		key(9):  {Status: markets.Sold, Side: markets.Bid, Maker: buyer.Hex(), Taker: seller.Hex(), Price: "800", Token: beast("8"), Quantity: "1", Filled: "1"},
		key(11): {Status: markets.Sold, Side: markets.Ask, Maker: seller.Hex(), Taker: buyer.Hex(), Price: "900", Token: beast("10"), Quantity: "1", Filled: "1"},
	} {
		if got, want := summary(orders[name]), summary(want); got != want {
			t.Errorf("order %.6s…\n is   %s\n want %s", name, got, want)
		}
	}
	for name, symbol := range map[string]string{key(1): "ETH", key(2): "WETH", key(3): "WETH"} {
		if got := orders[name].Currency.Symbol; got != symbol {
			t.Errorf("order %.6s… is in %s, want %s", name, got, symbol)
		}
	}
}

// summary is what tests compare of an order.
func summary(o markets.Order) string {
	return fmt.Sprint(o.Status, o.Side, " ", o.Maker, " ", o.Taker, " ", o.Price, " ", o.Quantity, " ", o.Filled, " ", o.Token)
}

// Listings and bids of Aavegotchi from their opening on: prices and quantities change, some
// units are sold, some are moved away.
func TestAavegotchiOrders(t *testing.T) {
	m, err := catalogue.Market("aavegotchi", definition.Site{ChainID: 137})
	if err != nil {
		t.Fatal(err)
	}
	diamond := common.HexToAddress("0x86935F11C86623deC8a25696E1C19a8659CbF95d")
	height := int64(0)
	var logs []markets.Raw
	add := func(declaration string, values ...any) {
		height++
		logs = append(logs, markettest.Transaction(height, markettest.Log(t, diamond, "event "+declaration, values...))...)
	}
	add("ERC721ListingAdd(uint256 indexed,address indexed,address,uint256,uint256 indexed,uint256)", 1, seller, diamond, 240, 3, 1000)
	add("ERC721ListingPriceUpdate(uint256 indexed,uint256,uint256)", 1, 800, 77)
	add("ERC721ExecutedListing(uint256 indexed,address indexed,address,address,uint256,uint256 indexed,uint256,uint256)", 1, seller, buyer, diamond, 240, 3, 800, 77)

	add("ERC1155ListingAdd(uint256 indexed,address indexed,address,uint256,uint256 indexed,uint256,uint256,uint256)", 1, seller, diamond, 141, 0, 10, 50, 77)
	add("ERC1155ExecutedListing(uint256 indexed,address indexed,address,address,uint256,uint256 indexed,uint256,uint256,uint256)", 1, seller, buyer, diamond, 141, 0, 4, 50, 77)
	add("UpdateERC1155Listing(uint256 indexed,uint256,uint256,uint256)", 1, 3, 40, 77)
	add("ERC1155ExecutedListing(uint256 indexed,address indexed,address,address,uint256,uint256 indexed,uint256,uint256,uint256)", 1, seller, buyer, diamond, 141, 0, 2, 40, 77)

	// all units of a listing that began before what is followed are moved away
	add("UpdateERC1155Listing(uint256 indexed,uint256,uint256,uint256)", 2, 0, 40, 77)
	add("ERC1155ListingCancelled(uint256 indexed,uint256,uint256)", 2, 0, 77)

	add("ERC721BuyOrderAdded(uint256 indexed,address indexed,address,uint256,uint256 indexed,uint256,uint256,bytes32,uint256)", 1, buyer, diamond, 7, 3, 600, 86400, none, 1_700_000_000)
	add("ERC721BuyOrderExecuted(uint256 indexed,address indexed,address,address,uint256,uint256,uint256)", 1, buyer, seller, diamond, 7, 600, 77)
	add("ERC721BuyOrderAdded(uint256 indexed,address indexed,address,uint256,uint256 indexed,uint256,uint256,bytes32,uint256)", 2, buyer, diamond, 8, 3, 600, 0, none, 77)
	add("ERC721BuyOrderCanceled(uint256 indexed,uint256)", 2, 77)
	add("ERC1155BuyOrderAdd(uint256 indexed,address indexed,address,uint256,uint256 indexed,uint256,uint256,uint256,uint256)", 1, buyer, diamond, 141, 0, 30, 5, 0, 77)
	add("ERC1155BuyOrderExecute(uint256 indexed,address indexed,address,address,uint256,uint256 indexed,uint256,uint256,uint256)", 1, buyer, seller, diamond, 141, 0, 30, 2, 77)
	add("ERC1155BuyOrderCancel(uint256 indexed,uint256)", 1, 77)

	events := decode(t, m, logs)
	if len(events) != len(logs) {
		t.Errorf("%d events of %d logs", len(events), len(logs))
	}
	orders := folded(events)
	gotchi := func(id string) markets.Token {
		return markets.Token{Collection: diamond.Hex(), ID: id, Standard: markets.ERC721}
	}
	potion := markets.Token{Collection: diamond.Hex(), ID: "141", Standard: markets.ERC1155}
	for key, want := range map[string]markets.Order{
		"erc721-1":      {Status: markets.Sold, Side: markets.Ask, Maker: seller.Hex(), Taker: buyer.Hex(), Price: "800", Quantity: "1", Filled: "1", Token: gotchi("240")},
		"erc1155-1":     {Status: markets.Listing, Side: markets.Ask, Maker: seller.Hex(), Taker: buyer.Hex(), Price: "120", Quantity: "3", Filled: "2", Token: potion},
		"erc1155-2":     {Status: markets.Canceled, Side: markets.Ask, Price: "0", Quantity: "0", Filled: "0"},
		"erc721-bid-1":  {Status: markets.Sold, Side: markets.Bid, Maker: buyer.Hex(), Taker: seller.Hex(), Price: "600", Quantity: "1", Filled: "1", Token: gotchi("7")},
		"erc721-bid-2":  {Status: markets.Canceled, Side: markets.Bid, Maker: buyer.Hex(), Price: "600", Quantity: "1", Filled: "0", Token: gotchi("8")},
		"erc1155-bid-1": {Status: markets.Canceled, Side: markets.Bid, Maker: buyer.Hex(), Taker: seller.Hex(), Price: "150", Quantity: "5", Filled: "2", Token: potion},
	} {
		if got, want := summary(orders[key]), summary(want); got != want {
			t.Errorf("%s\n is   %s\n want %s", key, got, want)
		}
		if n := orders[key].Anomalies; n > 0 {
			t.Errorf("%s: %d anomalies", key, n)
		}
	}
	if at := orders["erc721-bid-1"].ExpiresAt; at == nil || at.Unix() != 1_700_086_400 {
		t.Errorf("the bid expires %v", at)
	}
	if at := orders["erc721-bid-2"].ExpiresAt; at != nil {
		t.Errorf("a bid without end expires %v", at)
	}
}
