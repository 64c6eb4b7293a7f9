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
	looksTakerBid  = "event TakerBid(bytes32 orderHash, uint256 orderNonce, address indexed taker, address indexed maker, address indexed strategy, address currency, address collection, uint256 tokenId, uint256 amount, uint256 price)"
	looksTakerAsk  = "event TakerAsk(bytes32 orderHash, uint256 orderNonce, address indexed taker, address indexed maker, address indexed strategy, address currency, address collection, uint256 tokenId, uint256 amount, uint256 price)"
	looks2TakerBid = "event TakerBid((bytes32 orderHash, uint256 orderNonce, bool isNonceInvalidated) nonceInvalidationParameters, address bidUser, address bidRecipient, uint256 strategyId, address currency, address collection, uint256[] itemIds, uint256[] amounts, address[2] feeRecipients, uint256[3] feeAmounts)"
	looks2TakerAsk = "event TakerAsk((bytes32 orderHash, uint256 orderNonce, bool isNonceInvalidated) nonceInvalidationParameters, address askUser, address bidUser, uint256 strategyId, address currency, address collection, uint256[] itemIds, uint256[] amounts, address[2] feeRecipients, uint256[3] feeAmounts)"
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
	}, []string{
		"bought ask seller→buyer: seller→buyer 1 of nft/5 for 100 WETH",
		"offer_accepted bid buyer→seller: seller→buyer 3 of shop/6 for 200 gold",
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
		{markettest.Log(t, protocol, looks2TakerAsk, list{bid, 9, true}, owner, buyer, 1, weth, shop, list{6}, list{1}, list{owner, eth}, list{49, 0, 1})},
	}, []string{
		"bought ask seller→buyer: seller→owner 1 of nft/5 for 100 ETH, royalty 8 ETH to artist",
		"bought ask seller→buyer: seller→buyer 1 of shop/5 + 4 of shop/6 for 100 ETH",
		"offer_accepted bid buyer→seller: seller→buyer 2 of shop/5 for 100 WETH",
		"offer_accepted bid buyer→owner: owner→buyer 1 of shop/6 for 50 WETH",
	}, map[string]string{
		askKey:    "SOLD ask seller→buyer: 1 of nft/5 for 100 ETH",
		bundleKey: "SOLD ask seller→buyer: 1 of shop/5 + 4 of shop/6 for 100 ETH",
		bidKey:    "SOLD bid buyer→owner: 3 of shop/? for 150 WETH",
	})
}
