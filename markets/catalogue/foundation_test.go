package catalogue_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

var foundationMarket = common.HexToAddress("0xcDA72070E455bb31C7690a170224Ce43623d0B6f")

// Buy prices, offers and auctions, with the declarations of Foundation's NFTMarket.
func TestFoundation(t *testing.T) {
	const token = "(address indexed nftContract, uint256 indexed tokenId"
	log := func(declaration string, values ...any) markets.Raw {
		return markettest.Log(t, foundationMarket, declaration, values...)
	}
	const created = "ReserveAuctionCreated(address indexed seller, address indexed nftContract, uint256 indexed tokenId, uint256 duration, uint256 extensionDuration, uint256 reservePrice, uint256 auctionId)"
	one := func(declaration string, values ...any) []markets.Raw {
		return []markets.Raw{log(declaration, values...)}
	}
	become(t, "foundation", [][]markets.Raw{
		one("BuyPriceSet"+token+", address indexed seller, uint256 price)", nft, 1, seller, 90),
		one("BuyPriceSet"+token+", address indexed seller, uint256 price)", nft, 1, seller, 100),
		one("BuyPriceAccepted"+token+", address indexed seller, address buyer, uint256 totalFees, uint256 creatorRev, uint256 sellerRev)", nft, 1, seller, buyer, 5, 10, 85),
		one("BuyPriceSet"+token+", address indexed seller, uint256 price)", nft, 2, seller, 90),
		one("BuyPriceCanceled"+token+")", nft, 2),
		// a higher offer takes the place of the first
		one("OfferMade"+token+", address indexed buyer, uint256 amount, uint256 expiration)", nft, 3, owner, 50, 1_700_000_000),
		one("OfferMade"+token+", address indexed buyer, uint256 amount, uint256 expiration)", nft, 3, buyer, 60, 1_700_000_000),
		// accepting it, the buy price becomes invalid
		{log("BuyPriceSet"+token+", address indexed seller, uint256 price)", nft, 3, seller, 90), log("BuyPriceInvalidated"+token+")", nft, 3),
			log("OfferAccepted"+token+", address indexed buyer, address seller, uint256 totalFees, uint256 creatorRev, uint256 sellerRev)", nft, 3, buyer, seller, 3, 6, 51)},
		one("OfferMade"+token+", address indexed buyer, uint256 amount, uint256 expiration)", nft, 4, buyer, 50, 1_700_000_000),
		// an auction begins
		{log("OfferInvalidated"+token+")", nft, 4), log(created, seller, nft, 4, 86400, 900, 70, 17)},
		one("ReserveAuctionUpdated(uint256 indexed auctionId, uint256 reservePrice)", 17, 80),
		one("ReserveAuctionBidPlaced(uint256 indexed auctionId, address indexed bidder, uint256 amount, uint256 endTime)", 17, owner, 80, 1_700_000_000),
		one("ReserveAuctionBidPlaced(uint256 indexed auctionId, address indexed bidder, uint256 amount, uint256 endTime)", 17, buyer, 100, 1_700_000_900),
		{markettest.Log(t, nft, transfer721, foundationMarket, buyer, 4), log("ReserveAuctionFinalized(uint256 indexed auctionId, address indexed seller, address indexed bidder, uint256 totalFees, uint256 creatorRev, uint256 sellerRev)", 17, seller, buyer, 5, 10, 85)},
		one(created, seller, nft, 5, 86400, 900, 70, 18),
		one("ReserveAuctionCanceled(uint256 indexed auctionId)", 18),
		one(created, seller, nft, 6, 86400, 900, 70, 19),
		one("ReserveAuctionInvalidated(uint256 indexed auctionId)", 19),
		// an auction that began before what is followed, and whose winner lists the token at once
		one("ReserveAuctionFinalized(uint256 indexed auctionId, address indexed seller, address indexed bidder, uint256 totalFees, uint256 creatorRev, uint256 sellerRev)", 9, seller, buyer, 5, 95, 0),
	}, []string{
		"listed ask seller→?", "listed ask seller→?", "bought ask seller→buyer: seller→buyer 1 of nft/1 ERC-721 for 100 ETH",
		"listed ask seller→?", "delisted ask ?→?",
		"offer_made bid owner→?", "offer_made bid buyer→?",
		"listed ask seller→?", "delisted ask ?→?", "offer_accepted bid buyer→seller: seller→buyer 1 of nft/3 ERC-721 for 60 ETH",
		"offer_made bid buyer→?", "offer_cancelled bid ?→?", "listed ask seller→?",
		"order_changed ask ?→?", "order_changed ask ?→?", "order_changed ask ?→?", "bought ask seller→buyer: seller→buyer 1 of nft/4 ERC-721 for 100 ETH",
		"listed ask seller→?", "delisted ask ?→?", "listed ask seller→?", "delisted ask ?→?",
		"bought ask seller→buyer: seller→buyer 1 of ?/? for 100 ETH",
	}, map[string]string{
		"buy-" + nft.Hex() + "-1":   "SOLD ask seller→buyer: 1 of nft/1 ERC-721 for 100 ETH",
		"buy-" + nft.Hex() + "-2":   "CANCELED ask seller→?: 0/1 of nft/2 ERC-721 for 90 ETH",
		"buy-" + nft.Hex() + "-3":   "CANCELED ask seller→?: 0/1 of nft/3 ERC-721 for 90 ETH",
		"offer-" + nft.Hex() + "-3": "SOLD bid buyer→seller: 1 of nft/3 ERC-721 for 60 ETH",
		"offer-" + nft.Hex() + "-4": "CANCELED bid buyer→?: 0/1 of nft/4 ERC-721 for 50 ETH",
		"auction-17":                "SOLD ask seller→buyer: 1 of nft/4 ERC-721 for 100 ETH",
		"auction-18":                "CANCELED ask seller→?: 0/1 of nft/5 ERC-721 for 70 ETH",
		"auction-19":                "CANCELED ask seller→?: 0/1 of nft/6 ERC-721 for 70 ETH",
		"auction-9":                 "SOLD ask seller→buyer: 1 of ?/? for 100 ETH",
	})
}

// Two recorded auctions: the market gives the token to the highest bidder.
func TestFoundationRecorded(t *testing.T) {
	events, all := decoded(t, "foundation", 1, "foundation-*.json")
	golden(t, "foundation", events)
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	for i := range events {
		events[i].From = foundationMarket.Hex() // which has held the token for the seller
	}
	settled(t, events, all)
}
