package catalogue_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// The declarations are those of LooksRareExchange (v1) and of ILooksRareProtocol and
// INonceManager (v2).
const (
	looksTakerBid   = "event TakerBid(bytes32 orderHash, uint256 orderNonce, address indexed taker, address indexed maker, address indexed strategy, address currency, address collection, uint256 tokenId, uint256 amount, uint256 price)"
	looksTakerAsk   = "event TakerAsk(bytes32 orderHash, uint256 orderNonce, address indexed taker, address indexed maker, address indexed strategy, address currency, address collection, uint256 tokenId, uint256 amount, uint256 price)"
	looks2TakerBid  = "event TakerBid((bytes32 orderHash, uint256 orderNonce, bool isNonceInvalidated) nonceInvalidationParameters, address bidUser, address bidRecipient, uint256 strategyId, address currency, address collection, uint256[] itemIds, uint256[] amounts, address[2] feeRecipients, uint256[3] feeAmounts)"
	looks2TakerAsk  = "event TakerAsk((bytes32 orderHash, uint256 orderNonce, bool isNonceInvalidated) nonceInvalidationParameters, address askUser, address bidUser, uint256 strategyId, address currency, address collection, uint256[] itemIds, uint256[] amounts, address[2] feeRecipients, uint256[3] feeAmounts)"
	looksCancel     = "event CancelMultipleOrders(address indexed user, uint256[] orderNonces)"
	looksCancelAll  = "event CancelAllOrders(address indexed user, uint256 newMinNonce)"
	looks2Cancel    = "event OrderNoncesCancelled(address user, uint256[] orderNonces)"
	looks2CancelAll = "event NewBidAskNonces(address user, uint256 bidNonce, uint256 askNonce)"
)

// hashed is an order's hash, and its key in a market whose hashes do not have the contract.
func hashed(b byte, contract common.Address) (hash [32]byte, key string) {
	hash = [32]byte{b}
	return hash, common.Hash(hash).Hex() + "@" + contract.Hex()
}

func TestLooksRareV1(t *testing.T) {
	exchange, strategy := common.HexToAddress("0x59728544B08AB483533076417FbBB2fD0B17CE3a"), common.HexToAddress("0x57")
	ask, askKey := hashed(1, exchange)
	bid, bidKey := hashed(2, exchange)
	become(t, "looksrare-v1", [][]markets.Raw{
		{markettest.Log(t, exchange, looksTakerBid, ask, 7, buyer, seller, strategy, weth, nft, 5, 1, 100)},
		{markettest.Log(t, exchange, looksTakerAsk, bid, 8, seller, buyer, strategy, gold, shop, 6, 3, 200)},
		{markettest.Log(t, shop, looksTakerBid, ask, 7, buyer, seller, strategy, weth, nft, 5, 1, 100)}, // a stranger's
		// what was sold stays sold
		{markettest.Log(t, exchange, looksCancel, seller, markettest.List{7, 9})},
		{markettest.Log(t, exchange, looksCancelAll, buyer, 9)},
	}, []string{
		"bought ask seller→buyer: seller→buyer 1 of nft/5 for 100 WETH, nonce 7",
		"offer_accepted bid buyer→seller: seller→buyer 3 of shop/6 for 200 gold, nonce 8",
		"orders_cancelled ? seller→?, nonce 7", "orders_cancelled ? seller→?, nonce 9", "orders_cancelled ? buyer→?, below 9",
	}, map[string]string{
		askKey: "SOLD ask seller→buyer: 1 of nft/5 for 100 WETH",
		bidKey: "SOLD bid buyer→seller: 3 of shop/6 for 200 gold",
	})
}

func TestLooksRareV2(t *testing.T) {
	protocol, eth := common.HexToAddress("0x0000000000E655fAe4d56241588680F86E3b2377"), common.Address{}
	type list = markettest.List
	ask, askKey := hashed(1, protocol)
	bundle, bundleKey := hashed(2, protocol)
	bid, bidKey := hashed(3, protocol)
	become(t, "looksrare-v2", [][]markets.Raw{
		{markettest.Log(t, protocol, looks2TakerBid, list{ask, 7, true}, buyer, owner, 0, eth, nft, list{5}, list{1}, list{seller, artist}, list{90, 8, 2})},
		{markettest.Log(t, protocol, looks2TakerBid, list{bundle, 8, true}, buyer, buyer, 0, eth, shop, list{5, 6}, list{1, 4}, list{seller, eth}, list{99, 0, 1})},
		{markettest.Log(t, protocol, looks2TakerAsk, list{bid, 9, false}, seller, buyer, 1, weth, shop, list{5}, list{2}, list{artist, eth}, list{99, 0, 1})},
		// of another nonce, of asks, and of an account's bids or asks
		{markettest.Log(t, protocol, looks2Cancel, buyer, list{8})},
		{markettest.Log(t, protocol, looks2CancelAll, buyer, 0, 77)},
		{markettest.Log(t, protocol, looks2CancelAll, buyer, 77, 88)},
		{markettest.Log(t, protocol, looks2TakerAsk, list{bid, 9, true}, owner, buyer, 1, weth, shop, list{6}, list{1}, list{owner, eth}, list{49, 0, 1})},
	}, []string{
		"bought ask seller→buyer: seller→owner 1 of nft/5 for 100 ETH, nonce 7, royalty 8 ETH to artist",
		"bought ask seller→buyer: seller→buyer 1 of shop/5 + 4 of shop/6 for 100 ETH, nonce 8",
		"offer_accepted bid buyer→seller: seller→buyer 2 of shop/5 for 100 WETH, nonce 9",
		"orders_cancelled ? buyer→?, nonce 8",
		"orders_cancelled ask buyer→?", "recorded ? buyer→?",
		"recorded ? buyer→?",
		"offer_accepted bid buyer→owner: owner→buyer 1 of shop/6 for 50 WETH, nonce 9",
	}, map[string]string{
		askKey:    "SOLD ask seller→buyer: 1 of nft/5 for 100 ETH",
		bundleKey: "SOLD ask seller→buyer: 1 of shop/5 + 4 of shop/6 for 100 ETH",
		bidKey:    "SOLD bid buyer→owner: 3 of shop/? for 150 WETH",
	})
}

// Orders that can be filled again are cancelled by their nonce, by side or all together.
func TestLooksRareV2Cancellations(t *testing.T) {
	type list = markettest.List
	protocol := common.HexToAddress("0x0000000000E655fAe4d56241588680F86E3b2377")
	ask, askKey := hashed(1, protocol)
	bid, bidKey := hashed(2, protocol)
	sales := []markets.Raw{
		markettest.Log(t, protocol, looks2TakerBid, list{ask, 7, false}, buyer, buyer, 0, weth, shop, list{5}, list{1}, list{seller, artist}, list{100, 0, 0}),
		markettest.Log(t, protocol, looks2TakerAsk, list{bid, 8, false}, buyer, seller, 1, weth, shop, list{6}, list{1}, list{buyer, artist}, list{100, 0, 0}),
	}
	cancelAll := func(bidNonce, askNonce int) markets.Raw {
		return markettest.Log(t, protocol, looks2CancelAll, seller, bidNonce, askNonce)
	}
	for name, c := range map[string]struct {
		log      markets.Raw
		ask, bid markets.Status
	}{
		"nonces":       {markettest.Log(t, protocol, looks2Cancel, seller, list{7, 9}), markets.Closed, markets.Partial},
		"asks":         {cancelAll(0, 77), markets.Closed, markets.Partial},
		"bids":         {cancelAll(77, 0), markets.Partial, markets.Closed},
		"both":         {cancelAll(77, 77), markets.Closed, markets.Closed},
		"neither":      {cancelAll(0, 0), markets.Partial, markets.Partial},
		"one of them":  {cancelAll(77, 88), markets.Partial, markets.Partial},
		"of a subset":  {markettest.Log(t, protocol, "event SubsetNoncesCancelled(address user, uint256[] subsetNonces)", seller, list{7}), markets.Partial, markets.Partial},
		"a stranger's": {markettest.Log(t, protocol, looks2Cancel, buyer, list{7, 8}), markets.Partial, markets.Partial},
	} {
		raws := append(markettest.Transaction(1, sales...), markettest.Transaction(2, c.log)...)
		orders := folded(decode(t, markettest.Mainnet(t, "looksrare-v2"), raws))
		if orders[askKey].Status != c.ask || orders[bidKey].Status != c.bid {
			t.Errorf("%s: the ask is %s, want %s; the bid is %s, want %s", name, orders[askKey].Status, c.ask, orders[bidKey].Status, c.bid)
		}
	}
}

// A recorded cancellation of the nonce 1.
func TestLooksRareV2Recorded(t *testing.T) {
	events, _ := decoded(t, "looksrare-v2", 1, "looksrare-v2-*.json")
	compare(t, events, []string{"orders_cancelled ? 0x5cEB05D0B6d74F1441D3Ce39Ca186B635f0Aa6b9→?, nonce 1"}, nil)
}
