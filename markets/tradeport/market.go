// Package tradeport decodes the events of Tradeport v2, a marketplace for digital
// assets on Aptos. The facts are those of its module's events as they stand on the
// chain (see testdata/recordings/aptos).
//
// Listings and bids are objects, whose addresses are the keys of their orders. A
// price is the whole sum that the buyer pays: royalty and commission are taken from
// it.
package tradeport

import "github.com/imart/event-worker/markets"

// account is where the market's modules and its event handles live.
const account = "0xe11c12ec495f3989c35e1c6a0af414451223305b579291fc8f3d9d0575a23c26"

// The resources that hold the event handles.
const (
	listings = account + "::listings_v2::ListingStore"
	biddings = account + "::biddings_v2::BidStore"
)

// apt is the coin that everything is paid in.
var apt = markets.Currency{Address: "0x1::aptos_coin::AptosCoin", Symbol: "APT", Decimals: 8}

// Market is Tradeport v2 as a market of Aptos.
func Market() markets.Market {
	return markets.Market{
		Name: "tradeport",
		Kind: markets.Aptos,
		Streams: []markets.Stream{
			stream("list", listings, "insert_listing_events", "listings_v2::InsertListingEvent", listed),
			stream("delist", listings, "delete_listing_events", "listings_v2::DeleteListingEvent", delisted),
			stream("buy", listings, "buy_events", "listings_v2::BuyEvent", bought),
			stream("offer", biddings, "insert_token_bid_events", "biddings_v2::InsertTokenBidEvent", offered),
			stream("offer-cancel", biddings, "delete_token_bid_events", "biddings_v2::DeleteTokenBidEvent", offerCancelled),
			stream("offer-accept", biddings, "accept_token_bid_events", "biddings_v2::AcceptTokenBidEvent", offerAccepted),
			stream("collection-offer", biddings, "insert_collection_bid_events", "biddings_v2::InsertCollectionBidEvent", offered),
			stream("collection-offer-cancel", biddings, "delete_collection_bid_events", "biddings_v2::DeleteCollectionBidEvent", offerCancelled),
			stream("collection-offer-accept", biddings, "accept_collection_bid_events", "biddings_v2::AcceptCollectionBidEvent", offerAccepted),
		},
	}
}

// stream is the stream of one event handle: a field of a resource, which holds
// events of one type.
func stream(name, resource, field, eventType string, interpret interpretation) markets.Stream {
	return markets.Stream{
		Name:     name,
		Observer: "order-" + name,
		Source:   markets.Source{Account: account, Handle: resource, Field: field},
		Decode:   decoder(account+"::"+eventType, interpret),
	}
}
