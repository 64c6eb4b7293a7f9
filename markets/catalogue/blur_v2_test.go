package catalogue_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// The declarations are those of IExecutor and IBlurExchangeV2.
const (
	blurExecution = "event Execution((address trader, uint256 id, uint256 amount, address collection, uint8 assetType) transfer, bytes32 orderHash, uint256 listingIndex, uint256 price, (address recipient, uint16 rate) makerFee, ((address recipient, uint16 rate) protocolFee, (address recipient, uint16 rate) takerFee) fees, uint8 orderType)"
	blurPacked    = "event Execution721Packed(bytes32 orderHash, uint256 tokenIdListingIndexTrader, uint256 collectionPriceSide)"
	blurTakerFee  = "event Execution721TakerFeePacked(bytes32 orderHash, uint256 tokenIdListingIndexTrader, uint256 collectionPriceSide, uint256 takerFeeRecipientRate)"
	blurMakerFee  = "event Execution721MakerFeePacked(bytes32 orderHash, uint256 tokenIdListingIndexTrader, uint256 collectionPriceSide, uint256 makerFeeRecipientRate)"
	blurCancel    = "event CancelTrade(address indexed user, bytes32 hash, uint256 index, uint256 amount)"
)

var blurExchange2 = common.HexToAddress("0xb2ecfE4E4D61f8790bbb9DE2D1259B9e2410CEA5")

// packed puts parts into a word: an address, and above it numbers of so many bytes.
func packed(address common.Address, parts ...[2]int64) *big.Int {
	word, shift := new(big.Int).SetBytes(address[:]), uint(160)
	for _, part := range parts {
		word.Or(word, new(big.Int).Lsh(big.NewInt(part[0]), shift))
		shift += uint(part[1] * 8)
	}
	return word
}

func TestBlurV2(t *testing.T) {
	type list = markettest.List
	const ask, bid = 0, 1
	log := func(declaration string, values ...any) markets.Raw {
		return markettest.Log(t, blurExchange2, declaration, values...)
	}
	moved := func(from, to common.Address, id int) markets.Raw {
		return markettest.Log(t, nft, transfer721, from, to, id)
	}
	// what is packed of a listing for 1000
	words := func(trader common.Address, id, index int64, side int64) (*big.Int, *big.Int) {
		return packed(trader, [2]int64{index, 1}, [2]int64{id, 11}), packed(nft, [2]int64{1000, 11}, [2]int64{side, 1})
	}
	hash := [32]byte{1}
	key := func(b byte, index string) string {
		return common.Hash{b}.Hex() + "-" + index + "@" + blurExchange2.Hex()
	}
	aList, aPrice := words(seller, 5, 0, ask)
	secondList, secondPrice := words(owner, 6, 255, ask)
	takenList, takenPrice := words(seller, 7, 1, ask)
	bidList, bidPrice := words(buyer, 8, 0, bid)
	bidAgain, _ := words(buyer, 9, 0, bid)
	madeList, madePrice := words(buyer, 10, 2, bid)
	become(t, "blur-v2", [][]markets.Raw{
		// a batch moves all of its tokens first
		{moved(seller, buyer, 5), moved(owner, buyer, 6), log(blurPacked, hash, aList, aPrice), log(blurMakerFee, [32]byte{2}, secondList, secondPrice, packed(artist, [2]int64{50, 2}))},
		{moved(seller, buyer, 7), log(blurTakerFee, hash, takenList, takenPrice, packed(dao, [2]int64{100, 2}))},
		{moved(seller, buyer, 8), log(blurTakerFee, [32]byte{3}, bidList, bidPrice, packed(dao, [2]int64{100, 2}))},
		{moved(seller, buyer, 9), log(blurPacked, [32]byte{3}, bidAgain, bidPrice)},
		{moved(seller, buyer, 10), log(blurMakerFee, [32]byte{3}, madeList, madePrice, packed(artist, [2]int64{50, 2}))},
		// the taker got what the contract does not log
		{log(blurPacked, [32]byte{4}, aList, aPrice)},
		{markettest.Log(t, shop, transfer1155, blurExchange2, seller, buyer, 11, 4), log(blurExecution, list{seller, 11, 4, shop, 1}, [32]byte{5}, 300, 1000, list{artist, 50}, list{list{dao, 200}, list{owner, 100}}, ask)},
		{moved(seller, buyer, 12), log(blurExecution, list{buyer, 12, 0, nft, 0}, [32]byte{6}, 0, 1000, list{artist, 50}, list{list{dao, 0}, list{owner, 100}}, bid)},
		{log(blurCancel, seller, [32]byte{7}, 3, 1)},
		{log(blurNonce, seller, 2)},
	}, []string{
		"bought ask seller→buyer: seller→buyer 1 of nft/5 ERC-721 for 1000 ETH",
		"bought ask owner→buyer: owner→buyer 1 of nft/6 ERC-721 for 1000 ETH, fee 5 ETH to artist",
		"bought ask seller→buyer: seller→buyer 1 of nft/7 ERC-721 for 1010 ETH, fee 10 ETH to dao",
		"offer_accepted bid buyer→seller: seller→buyer 1 of nft/8 ERC-721 for 1000 BETH, fee 10 BETH to dao",
		"offer_accepted bid buyer→seller: seller→buyer 1 of nft/9 ERC-721 for 1000 BETH",
		"offer_accepted bid buyer→seller: seller→buyer 1 of nft/10 ERC-721 for 1005 BETH, fee 5 BETH to artist",
		"bought ask seller→?: seller→? 1 of nft/5 ERC-721 for 1000 ETH",
		"bought ask seller→buyer: seller→buyer 4 of shop/11 ERC-1155 for 1010 ETH, fee 5 ETH to artist, fee 10 ETH to owner, fee 20 ETH to dao",
		"offer_accepted bid buyer→seller: seller→buyer 1 of nft/12 ERC-721 for 1005 BETH, fee 5 BETH to artist, fee 10 BETH to owner",
		"delisted ? seller→?",
		"orders_cancelled ? seller→?",
	}, map[string]string{
		key(1, "0"):   "SOLD ask seller→buyer: 1 of nft/5 ERC-721 for 1000 ETH",
		key(2, "255"): "SOLD ask owner→buyer: 1 of nft/6 ERC-721 for 1000 ETH",
		key(1, "1"):   "SOLD ask seller→buyer: 1 of nft/7 ERC-721 for 1010 ETH",
		key(3, "0"):   "PARTIAL bid buyer→seller: 2 of nft/? ERC-721 for 2000 BETH",
		key(3, "2"):   "PARTIAL bid buyer→seller: 1 of nft/10 ERC-721 for 1005 BETH",
		key(4, "0"):   "SOLD ask seller→?: 1 of nft/5 ERC-721 for 1000 ETH",
		key(5, "300"): "CLOSED ask seller→buyer: 4 of shop/11 ERC-1155 for 1010 ETH",
		key(6, "0"):   "PARTIAL bid buyer→seller: 1 of nft/12 ERC-721 for 1005 BETH",
		key(7, "3"):   "CANCELED ? seller→?: ? of ?/? for ? ?",
	})
}

// Recorded transactions: an aggregator that buys two tokens, a bid accepted, two cancellations.
func TestBlurV2Recorded(t *testing.T) {
	events, all := decoded(t, "blur-v2", 1, "blur-v2-*.json")
	golden(t, "blur-v2", events)
	settled(t, events, all)
	count := map[markets.Kind]int{}
	for _, e := range events {
		count[e.Kind]++
	}
	if len(events) != 5 || count[markets.Bought] != 2 || count[markets.OfferAccepted] != 1 || count[markets.Delisted] != 2 {
		t.Errorf("%v", count)
	}
}
