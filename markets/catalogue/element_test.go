package catalogue_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// The declarations are those of IElementEvent.
func TestElement(t *testing.T) {
	const (
		order   = "(bytes32 orderHash, address maker, address taker, uint256 nonce, address erc20Token, uint256 erc20TokenAmount, (address recipient, uint256 amount)[] fees, "
		erc721  = "address erc721Token, uint256 erc721TokenId)"
		erc1155 = "address erc1155Token, uint256 erc1155TokenId, uint128 erc1155FillAmount)"
	)
	var (
		element = common.HexToAddress("0x20F780A973856B93f63670377900C1d2a50a77c4")
		native  = common.HexToAddress("0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE")
		hash    = func(b byte) [32]byte { return [32]byte{b} }
		key     = func(b byte, nonce string) string { return common.Hash{b}.Hex() + "-" + nonce }
	)
	type list = markettest.List
	log := func(declaration string, values ...any) []markets.Raw {
		return []markets.Raw{markettest.Log(t, element, declaration, values...)}
	}
	become(t, "element", [][]markets.Raw{
		log("ERC721SellOrderFilled"+order+erc721, hash(1), seller, buyer, 7, native, 100, list{list{dao, 2}, list{artist, 5}}, nft, 1),
		// two orders that were signed together have one hash
		log("ERC721SellOrderFilled"+order+erc721, hash(1), seller, buyer, 8, weth, 200, list{}, nft, 2),
		log("ERC721BuyOrderFilled"+order+erc721, hash(2), buyer, seller, 9, weth, 300, list{list{dao, 6}}, nft, 3),
		log("ERC1155SellOrderFilled"+order+erc1155, hash(3), seller, buyer, 10, native, 50, list{}, shop, 4, 5),
		log("ERC1155BuyOrderFilled"+order+erc1155, hash(4), buyer, seller, 11, gold, 60, list{}, shop, 4, 6),
		// an ERC-1155 order's nonce; and then the same of ERC-721
		log("ERC1155SellOrderFilled"+order+erc1155, hash(5), seller, buyer, 9, native, 50, list{}, shop, 4, 5),
		log("ERC721BuyOrderFilled"+order+erc721, hash(6), seller, buyer, 9, weth, 300, list{}, nft, 3),
		log("ERC1155OrderCancelled(address maker, uint256 nonce)", seller, 9),
		log("ERC721OrderCancelled(address maker, uint256 nonce)", seller, 10),
		log("HashNonceIncremented(address maker, uint256 newHashNonce)", buyer, 1),
	}, []string{
		"bought ask seller→buyer: seller→buyer 1 of nft/1 ERC-721 for 100 ETH, nonce 7, fee 2 ETH to dao, fee 5 ETH to artist",
		"bought ask seller→buyer: seller→buyer 1 of nft/2 ERC-721 for 200 WETH, nonce 8",
		"offer_accepted bid buyer→seller: seller→buyer 1 of nft/3 ERC-721 for 300 WETH, nonce 9, fee 6 WETH to dao",
		"bought ask seller→buyer: seller→buyer 5 of shop/4 ERC-1155 for 50 ETH, nonce 57896044618658097711785492504343953926634992332820282019728792003956564819978",
		"offer_accepted bid buyer→seller: seller→buyer 6 of shop/4 ERC-1155 for 60 gold, nonce 57896044618658097711785492504343953926634992332820282019728792003956564819979",
		"bought ask seller→buyer: seller→buyer 5 of shop/4 ERC-1155 for 50 ETH, nonce 57896044618658097711785492504343953926634992332820282019728792003956564819977",
		"offer_accepted bid seller→buyer: buyer→seller 1 of nft/3 ERC-721 for 300 WETH, nonce 9",
		"orders_cancelled ? seller→?, nonce 57896044618658097711785492504343953926634992332820282019728792003956564819977",
		"orders_cancelled ? seller→?, nonce 10",
		"orders_cancelled ? buyer→?",
	}, map[string]string{
		key(1, "7"):  "SOLD ask seller→buyer: 1 of nft/1 ERC-721 for 100 ETH",
		key(1, "8"):  "SOLD ask seller→buyer: 1 of nft/2 ERC-721 for 200 WETH",
		key(2, "9"):  "CLOSED bid buyer→seller: 1 of nft/3 ERC-721 for 300 WETH",
		key(3, "10"): "PARTIAL ask seller→buyer: 5 of shop/4 ERC-1155 for 50 ETH",
		key(4, "11"): "CLOSED bid buyer→seller: 6 of shop/4 ERC-1155 for 60 gold",
		key(5, "9"):  "CLOSED ask seller→buyer: 5 of shop/4 ERC-1155 for 50 ETH",
		key(6, "9"):  "PARTIAL bid seller→buyer: 1 of nft/3 ERC-721 for 300 WETH",
	})
}
