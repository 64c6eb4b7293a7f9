package catalogue_test

import (
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// swaps makes the logs of a pair and of what it moves. The declarations are those of LSSVMPair
// and LSSVMPairFactory.
type swaps struct {
	*testing.T
	factory common.Address
}

func (s swaps) log(contract common.Address, declaration string, values ...any) markets.Raw {
	return markettest.Log(s.T, contract, declaration, values...)
}

func (s swaps) price(of common.Address, n int) markets.Raw {
	return s.log(of, "SpotPriceUpdate(uint128 newSpotPrice)", n)
}

func (s swaps) moved(from, to common.Address, id int) markets.Raw {
	return s.log(nft, transfer721, from, to, id)
}

func (s swaps) paid(currency, from, to common.Address, amount int) markets.Raw {
	return s.log(currency, transfer20, from, to, amount)
}

// A pair trades in ETH, which moves without a log, a pool in a token.
func TestSudoswapV1(t *testing.T) {
	s := swaps{t, common.HexToAddress("0xb16c1342E617A5B6E4b631EB114483FDB289c0A4")}
	out := func(of common.Address) markets.Raw { return s.log(of, "SwapNFTOutPair()") }
	in := func(of common.Address) markets.Raw { return s.log(of, "SwapNFTInPair()") }
	announced := func(of common.Address) markets.Raw { return s.log(s.factory, "NewPair(address poolAddress)", of) }
	become(t, "sudoswap-v1", [][]markets.Raw{
		// before it is announced it is a stranger
		{s.moved(pair, buyer, 4), out(pair)},
		{announced(pair), s.price(pair, 100)},
		{s.price(pair, 110), s.moved(pair, buyer, 5), s.moved(pair, buyer, 6), out(pair)},
		// from both, one after the other
		{announced(pool), s.price(pool, 7), s.paid(gold, buyer, pool, 995), s.paid(gold, buyer, s.factory, 5), s.moved(pool, buyer, 7), out(pool),
			s.price(pair, 120), s.moved(pair, buyer, 8), out(pair),
			s.price(pool, 8), s.paid(gold, buyer, pool, 1094), s.paid(gold, buyer, s.factory, 6), s.moved(pool, buyer, 9), out(pool)},
		// sold to the pool, whose fee goes to the factory
		{s.price(pool, 7), s.paid(gold, pool, seller, 80), s.paid(gold, pool, s.factory, 1), s.moved(seller, pool, 10), in(pool)},
		// sold to the pair: to an account of the owner's, and to itself
		{s.price(pair, 100), s.moved(seller, owner, 11), in(pair)},
		{s.price(pair, 90), s.moved(seller, pair, 12), in(pair)},
		{s.log(pair, "DeltaUpdate(uint128 newDelta)", 3), s.log(pair, "FeeUpdate(uint96 newFee)", 4)},
	}, []string{
		"contract_created ? ?→?", "contract_created ? ?→?", "contract_created ? ?→?", "recorded ? ?→?",
		"recorded ? ?→?", "bought ask pair→buyer: pair→buyer 1 of nft/5 ERC-721 + 1 of nft/6 ERC-721 for ? ?",
		"contract_created ? ?→?", "contract_created ? ?→?", "contract_created ? ?→?",
		"recorded ? ?→?", "bought ask pool→buyer: pool→buyer 1 of nft/7 ERC-721 for 1000 gold",
		"recorded ? ?→?", "bought ask pair→buyer: pair→buyer 1 of nft/8 ERC-721 for ? ?",
		"recorded ? ?→?", "bought ask pool→buyer: pool→buyer 1 of nft/9 ERC-721 for 1100 gold",
		"recorded ? ?→?", "offer_accepted bid pool→seller: seller→pool 1 of nft/10 ERC-721 for 81 gold",
		"recorded ? ?→?", "offer_accepted bid pair→?: ?→pair ? of ?/? for ? ?",
		"recorded ? ?→?", "offer_accepted bid pair→seller: seller→pair 1 of nft/12 ERC-721 for ? ?",
		"recorded ? ?→?", "recorded ? ?→?",
	}, map[string]string{
		"sell-" + pair.Hex(): "PARTIAL ask pair→buyer: 2 of nft/? ERC-721 for ? ?",
		"sell-" + pool.Hex(): "PARTIAL ask pool→buyer: 2 of nft/? ERC-721 for 2100 gold",
		"buy-" + pool.Hex():  "PARTIAL bid pool→seller: 1 of nft/10 ERC-721 for 81 gold",
		"buy-" + pair.Hex():  "PARTIAL bid pair→seller: 1 of nft/12 ERC-721 for ? ?",
	})
}

// A pair trades in ETH, a pool in a token, units ERC-1155.
func TestSudoswapV2(t *testing.T) {
	type list = markettest.List
	s := swaps{t, common.HexToAddress("0xA020d57aB0448Ef74115c112D18a9C231CC86000")}
	const (
		newPair = "NewERC721Pair(address indexed poolAddress, uint256[] initialIds)"
		out     = "SwapNFTOutPair(uint256 amountIn, uint256[] ids)"
		in      = "SwapNFTInPair(uint256 amountOut, uint256[] ids)"
	)
	moved := func(from, to common.Address, n int) markets.Raw {
		return s.log(shop, transfer1155, units, from, to, 3, n)
	}
	become(t, "sudoswap-v2", [][]markets.Raw{
		{s.log(s.factory, newPair, pair, list{5, 6}), s.log(s.factory, newPair, pool, list{}), s.log(s.factory, "NewERC1155Pair(address indexed poolAddress, uint256 initialBalance)", units, 10)},
		{s.price(pair, 110), s.moved(pair, buyer, 5), s.moved(pair, buyer, 6), s.log(pair, out, 1000, list{5, 6})},
		// paid to the owner, the creator and the factory
		{s.price(pool, 120), s.paid(gold, buyer, owner, 900), s.paid(gold, buyer, artist, 60), s.paid(gold, buyer, s.factory, 40), s.moved(pool, buyer, 7), s.log(pool, out, 1000, list{7})},
		// something else was paid in the same transaction, and the price stays
		{s.paid(gold, buyer, owner, 1), s.moved(pair, buyer, 8), s.log(pair, out, 1000, list{8})},
		// to an account of the owner's
		{s.price(pair, 110), s.moved(seller, owner, 9), s.log(pair, in, 80, list{9})},
		{s.price(pool, 100), s.moved(seller, pool, 10), s.paid(gold, pool, seller, 80), s.paid(gold, pool, artist, 8), s.log(pool, in, 80, list{10})},
		{s.price(units, 100), moved(units, buyer, 2), s.log(units, "SwapNFTOutPair(uint256 amountIn, uint256 numNFTs)", 300, 2)},
		{s.price(units, 90), moved(seller, units, 4), s.log(units, "SwapNFTInPair(uint256 amountOut, uint256 numNFTs)", 400, 4)},
		// of the other kind of pair
		{s.log(units, out, 1000, list{5})},
		{s.log(units, "DeltaUpdate(uint128 newDelta)", 3), s.log(units, "FeeUpdate(uint96 newFee)", 4)},
	}, append(slices.Repeat([]string{"contract_created ? ?→?"}, 9),
		"recorded ? ?→?", "bought ask pair→buyer: pair→buyer 1 of nft/5 ERC-721 + 1 of nft/6 ERC-721 for 1000 ETH",
		"recorded ? ?→?", "bought ask pool→buyer: pool→buyer 1 of nft/7 ERC-721 for 1000 gold",
		"bought ask pair→buyer: pair→buyer 1 of nft/8 ERC-721 for 1000 ?",
		"recorded ? ?→?", "offer_accepted bid pair→seller: seller→pair 1 of nft/9 ERC-721 for 80 ETH",
		"recorded ? ?→?", "offer_accepted bid pool→seller: seller→pool 1 of nft/10 ERC-721 for 80 gold",
		"recorded ? ?→?", "bought ask units→buyer: units→buyer 2 of shop/3 ERC-1155 for 300 ETH",
		"recorded ? ?→?", "offer_accepted bid units→seller: seller→units 4 of shop/3 ERC-1155 for 400 ETH",
		"recorded ? ?→?", "recorded ? ?→?",
	), map[string]string{
		"sell-" + pair.Hex():  "PARTIAL ask pair→buyer: 2 of nft/? ERC-721 for 2000 ETH",
		"sell-" + pool.Hex():  "PARTIAL ask pool→buyer: 1 of nft/7 ERC-721 for 1000 gold",
		"buy-" + pair.Hex():   "PARTIAL bid pair→seller: 1 of nft/9 ERC-721 for 80 ETH",
		"buy-" + pool.Hex():   "PARTIAL bid pool→seller: 1 of nft/10 ERC-721 for 80 gold",
		"sell-" + units.Hex(): "PARTIAL ask units→buyer: 2 of shop/3 ERC-1155 for 300 ETH",
		"buy-" + units.Hex():  "PARTIAL bid units→seller: 4 of shop/3 ERC-1155 for 400 ETH",
	})
}

// A pair's record has the last of what it announced.
func TestSudoswapPair(t *testing.T) {
	s := swaps{t, common.HexToAddress("0xA020d57aB0448Ef74115c112D18a9C231CC86000")}
	events := decode(t, markettest.Mainnet(t, "sudoswap-v2"), markettest.Transaction(1,
		s.log(s.factory, "NewERC721Pair(address indexed poolAddress, uint256[] initialIds)", pair, markettest.List{}),
		s.price(pair, 110), s.log(pair, "DeltaUpdate(uint128 newDelta)", 3), s.price(pair, 120), s.log(pair, "FeeUpdate(uint96 newFee)", 4)))
	record, _ := markets.FoldRecord("ethereum", "sudoswap-v2", only(events, func(e markets.Event) bool { return e.Record != nil }))
	if record.Key != pair.Hex() || record.Fields["spotPrice"] != "120" || record.Fields["delta"] != "3" || record.Fields["fee"] != "4" {
		t.Errorf("%+v", record)
	}
}
