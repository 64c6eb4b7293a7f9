package catalogue_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// The declarations are those of X2Y2_r1.
const (
	x2y2Inventory = "event EvInventory(bytes32 indexed itemHash, address maker, address taker, uint256 orderSalt, uint256 settleSalt, uint256 intent, uint256 delegateType, uint256 deadline, address currency, bytes dataMask, (uint256 price, bytes data) item, (uint8 op, uint256 orderIdx, uint256 itemIdx, uint256 price, bytes32 itemHash, address executionDelegate, bytes dataReplacement, uint256 bidIncentivePct, uint256 aucMinIncrementPct, uint256 aucIncDurationSecs, (uint256 percentage, address to)[] fees) detail)"
	x2y2Cancel    = "event EvCancel(bytes32 indexed itemHash)"
)

func TestX2Y2(t *testing.T) {
	type list = markettest.List
	market := common.HexToAddress("0x74312363e45DCaBA76c59ec49a7Aa8A65a67EeD3")
	done := func(hash [32]byte, op, delegate int, maker, taker, currency common.Address, data []byte, fees list) []markets.Raw {
		detail := list{op, 0, 0, 1000, hash, dao, []byte{}, 0, 0, 0, fees}
		return []markets.Raw{markettest.Log(t, market, x2y2Inventory, hash, maker, taker, 1, 2, 1, delegate, 99, currency, []byte{}, list{900, data}, detail)}
	}
	erc721 := func(ids ...int) []byte {
		var tokens list
		for _, id := range ids {
			tokens = append(tokens, list{nft, id})
		}
		return markettest.Encode(t, "(address,uint256)[]", tokens)
	}
	var hashes [8][32]byte
	var keys [8]string
	for i := range hashes {
		hashes[i], keys[i] = hashed(byte(i+1), market)
	}
	become(t, "x2y2", [][]markets.Raw{
		done(hashes[0], 1, 1, seller, buyer, common.Address{}, erc721(5), list{list{5000, dao}, list{50000, artist}}),
		done(hashes[1], 1, 2, seller, buyer, common.Address{}, markettest.Encode(t, "(address,uint256,uint256)[]", list{list{shop, 6, 3}, list{shop, 7, 1}}), list{}),
		done(hashes[2], 2, 1, buyer, seller, weth, erc721(8, 9), list{}),
		done(hashes[3], 4, 1, seller, buyer, common.Address{}, erc721(10), list{}), // a bid in an auction
		done(hashes[3], 5, 1, seller, dao, common.Address{}, erc721(10), list{}),   // which somebody completes
		done(hashes[4], 6, 1, seller, dao, common.Address{}, erc721(11), list{}),
		{markettest.Log(t, market, x2y2Cancel, hashes[5]), done(hashes[5], 3, 1, seller, seller, common.Address{}, erc721(12), list{})[0]},
		done(hashes[6], 1, 3, seller, buyer, common.Address{}, []byte{1}, list{}), // tokens of another kind
	}, []string{
		"bought ask seller→buyer: seller→buyer 1 of nft/5 ERC-721 for 1000 ETH, fee 5 ETH to dao, fee 50 ETH to artist",
		"bought ask seller→buyer: seller→buyer 3 of shop/6 ERC-1155 + 1 of shop/7 ERC-1155 for 1000 ETH",
		"offer_accepted bid buyer→seller: seller→buyer 1 of nft/8 ERC-721 + 1 of nft/9 ERC-721 for 1000 WETH",
		"bought ask seller→?: seller→? 1 of nft/10 ERC-721 for ? ?",
		"delisted ask seller→?",
		"delisted ? ?→?",
		"bought ask seller→buyer: seller→buyer ? of ?/? for 1000 ETH",
	}, map[string]string{
		keys[0]: "SOLD ask seller→buyer: 1 of nft/5 ERC-721 for 1000 ETH",
		keys[1]: "SOLD ask seller→buyer: 3 of shop/6 ERC-1155 + 1 of shop/7 ERC-1155 for 1000 ETH",
		keys[2]: "SOLD bid buyer→seller: 1 of nft/8 ERC-721 + 1 of nft/9 ERC-721 for 1000 WETH",
		keys[3]: "SOLD ask seller→?: 1 of nft/10 ERC-721 for ? ?",
		keys[4]: "CANCELED ask seller→?: ?/1 of nft/11 ERC-721 for ? ?",
		keys[5]: "CANCELED ? ?→?: ? of ?/? for ? ?",
		keys[6]: "SOLD ask seller→buyer: ? of ?/? for 1000 ETH",
	})
}
