package catalogue_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// The modules of Zora v3 and the auction house, with the declarations of their contracts.
func TestZora(t *testing.T) {
	var (
		asks, asksEth, asksPrivate = common.HexToAddress("0x6170B3C3A54C3d8C854934cBC314eD479b2B29A3"), common.HexToAddress("0x34Aa9CBb80dc0b3d82D04900C02FB81468DafcAb"), common.HexToAddress("0xfbf87e6C2c242d0166E2Ddb60Db5A94cD4dAe00e")
		offers, house              = common.HexToAddress("0x76744367AE5A056381868f716BDF0B13ae1aEaa3"), common.HexToAddress("0xE468cE99444174Bd3bBBEd09209577d25D1ad673")
		eth                        = common.Address{}
	)
	type list = markettest.List
	const (
		ask        = "(address seller, address sellerFundsRecipient, address askCurrency, uint16 findersFeeBps, uint256 askPrice) ask"
		askPrivate = "(address seller, uint96 price, address buyer) ask"
		offer      = "(address maker, address currency, uint16 findersFeeBps, uint256 amount) offer"
		token      = "(address indexed tokenContract, uint256 indexed tokenId, "
		auction    = "(uint256 indexed auctionId, uint256 indexed tokenId, address indexed tokenContract, "
	)
	log := func(contract common.Address, declaration string, values ...any) []markets.Raw {
		return []markets.Raw{markettest.Log(t, contract, declaration, values...)}
	}
	in := func(currency common.Address, price int) list { return list{seller, artist, currency, 100, price} }
	become(t, "zora", [][]markets.Raw{
		log(asks, "AskCreated"+token+ask+")", nft, 1, in(eth, 10)),
		log(asks, "AskPriceUpdated"+token+ask+")", nft, 1, in(weth, 20)),
		log(asks, "AskFilled"+token+"address indexed buyer, address finder, "+ask+")", nft, 1, buyer, dao, in(weth, 20)),
		log(asks, "AskCreated"+token+ask+")", nft, 2, in(eth, 10)),
		log(asks, "AskCanceled"+token+ask+")", nft, 2, in(eth, 10)),
		log(asksEth, "AskCreated"+token+"address seller, uint256 price)", nft, 1, seller, 30),
		log(asksEth, "AskPriceUpdated"+token+"address seller, uint256 price)", nft, 1, seller, 40),
		log(asksEth, "AskFilled"+token+"address buyer, address seller, uint256 price)", nft, 1, buyer, seller, 40),
		log(asksEth, "AskCreated"+token+"address seller, uint256 price)", nft, 2, seller, 30),
		log(asksEth, "AskCanceled"+token+"address seller, uint256 price)", nft, 2, seller, 30),
		log(asksPrivate, "AskCreated"+token+askPrivate+")", nft, 1, list{seller, 50, buyer}),
		log(asksPrivate, "AskPriceUpdated"+token+askPrivate+")", nft, 1, list{seller, 60, buyer}),
		log(asksPrivate, "AskFilled"+token+askPrivate+")", nft, 1, list{seller, 60, buyer}),
		log(asksPrivate, "AskCreated"+token+askPrivate+")", nft, 2, list{seller, 50, buyer}),
		log(asksPrivate, "AskCanceled"+token+askPrivate+")", nft, 2, list{seller, 50, buyer}),
		log(offers, "OfferCreated"+token+"uint256 indexed id, "+offer+")", nft, 1, 7, list{buyer, eth, 0, 70}),
		log(offers, "OfferUpdated"+token+"uint256 indexed id, "+offer+")", nft, 1, 7, list{buyer, gold, 0, 80}),
		log(offers, "OfferFilled"+token+"uint256 indexed id, address taker, address finder, "+offer+")", nft, 1, 7, seller, eth, list{buyer, gold, 0, 80}),
		log(offers, "OfferCreated"+token+"uint256 indexed id, "+offer+")", nft, 1, 8, list{buyer, eth, 0, 70}),
		log(offers, "OfferCanceled"+token+"uint256 indexed id, "+offer+")", nft, 1, 8, list{buyer, eth, 0, 70}),
		log(house, "AuctionCreated"+auction+"uint256 duration, uint256 reservePrice, address tokenOwner, address curator, uint8 curatorFeePercentage, address auctionCurrency)", 1, 3, nft, 99, 90, seller, dao, 10, eth),
		log(house, "AuctionReservePriceUpdated"+auction+"uint256 reservePrice)", 1, 3, nft, 80),
		log(house, "AuctionBid"+auction+"address sender, uint256 value, bool firstBid, bool extended)", 1, 3, nft, buyer, 100, true, false),
		log(house, "AuctionEnded"+auction+"address tokenOwner, address curator, address winner, uint256 amount, uint256 curatorFee, address auctionCurrency)", 1, 3, nft, seller, dao, buyer, 90, 10, weth),
		log(house, "AuctionCreated"+auction+"uint256 duration, uint256 reservePrice, address tokenOwner, address curator, uint8 curatorFeePercentage, address auctionCurrency)", 2, 4, nft, 99, 90, seller, dao, 10, eth),
		log(house, "AuctionCanceled"+auction+"address tokenOwner)", 2, 4, nft, seller),
	}, []string{
		"listed ask seller→?", "order_changed ask ?→?", "bought ask seller→buyer: seller→buyer 1 of nft/1 ERC-721 for 20 WETH", "listed ask seller→?", "delisted ask seller→?",
		"listed ask seller→?", "order_changed ask ?→?", "bought ask seller→buyer: seller→buyer 1 of nft/1 ERC-721 for 40 ETH", "listed ask seller→?", "delisted ask seller→?",
		"listed ask seller→?", "order_changed ask ?→?", "bought ask seller→buyer: seller→buyer 1 of nft/1 ERC-721 for 60 ETH", "listed ask seller→?", "delisted ask seller→?",
		"offer_made bid buyer→?", "order_changed bid ?→?", "offer_accepted bid buyer→seller: seller→buyer 1 of nft/1 ERC-721 for 80 gold", "offer_made bid buyer→?", "offer_cancelled bid buyer→?",
		"listed ask seller→?", "order_changed ask ?→?", "order_changed ask ?→?", "bought ask seller→buyer: seller→buyer 1 of nft/3 ERC-721 for 100 WETH", "listed ask seller→?", "delisted ask seller→?",
	}, map[string]string{
		"ask-" + nft.Hex() + "-1@" + asks.Hex():        "SOLD ask seller→buyer: 1 of nft/1 ERC-721 for 20 WETH",
		"ask-" + nft.Hex() + "-2@" + asks.Hex():        "CANCELED ask seller→?: 0/1 of nft/2 ERC-721 for 10 ETH",
		"ask-" + nft.Hex() + "-1@" + asksEth.Hex():     "SOLD ask seller→buyer: 1 of nft/1 ERC-721 for 40 ETH",
		"ask-" + nft.Hex() + "-2@" + asksEth.Hex():     "CANCELED ask seller→?: 0/1 of nft/2 ERC-721 for 30 ETH",
		"ask-" + nft.Hex() + "-1@" + asksPrivate.Hex(): "SOLD ask seller→buyer: 1 of nft/1 ERC-721 for 60 ETH",
		"ask-" + nft.Hex() + "-2@" + asksPrivate.Hex(): "CANCELED ask seller→?: 0/1 of nft/2 ERC-721 for 50 ETH",
		"offer-7@" + offers.Hex():                      "SOLD bid buyer→seller: 1 of nft/1 ERC-721 for 80 gold",
		"offer-8@" + offers.Hex():                      "CANCELED bid buyer→?: 0/1 of nft/1 ERC-721 for 70 ETH",
		"auction-1@" + house.Hex():                     "SOLD ask seller→buyer: 1 of nft/3 ERC-721 for 100 ETH",
		"auction-2@" + house.Hex():                     "CANCELED ask seller→?: 0/1 of nft/4 ERC-721 for 90 ETH",
	})
}
