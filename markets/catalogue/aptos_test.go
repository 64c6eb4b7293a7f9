package catalogue_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// ledger constructs the events of a market's handles, a transaction each.
type ledger struct {
	t       *testing.T
	market  markets.Market
	version int64
	events  []markets.Event
}

func newLedger(t *testing.T, market string) *ledger {
	t.Helper()
	return &ledger{t: t, market: markettest.Mainnet(t, market)}
}

// log logs an event of a handle, given by the name of its field.
func (l *ledger) log(field, eventType, data string) {
	l.t.Helper()
	l.version++
	for _, s := range l.market.Streams {
		if s.Source.Field != field {
			continue
		}
		found, failures := s.DecodeAll([]markets.Raw{{Position: markets.Position{Height: l.version}, Seq: l.version, Type: s.Source.Handle[:66] + "::" + eventType, JSON: json.RawMessage(data)}})
		for _, f := range failures {
			l.t.Errorf("%s: %v", field, f.Reason)
		}
		l.events = append(l.events, found...)
		return
	}
	l.t.Errorf("no stream of the handle %s", field)
}

func (l *ledger) check(want map[string]markets.Order) {
	l.t.Helper()
	orders := folded(l.events)
	if len(orders) != len(want) {
		l.t.Errorf("%d orders, want %d", len(orders), len(want))
	}
	for key, want := range want {
		if got, want := summary(orders[key]), summary(want); got != want {
			l.t.Errorf("%s\n is   %s\n want %s", key, got, want)
		}
		if n := orders[key].Anomalies; n > 0 {
			l.t.Errorf("%s: %d anomalies", key, n)
		}
	}
}

// Accounts, objects and the ids of a token of the first standard, as they are in documents.
const (
	sal  = "0x000000000000000000000000000000000000000000000000000000000000005a"
	bob  = "0x000000000000000000000000000000000000000000000000000000000000000b"
	slug = "0x0000000000000000000000000000000000000000000000000000000000000051"
)

func TestWapal(t *testing.T) {
	const (
		object = `{"collection":{"vec":[{"inner":"0xc0"}]},"collection_name":"Sloths","creator_address":"0xc1","property_version":{"vec":[]},"token":{"vec":[{"inner":"0x51"}]},"token_name":"Sloth #1"}`
		first  = `{"collection":{"vec":[]},"collection_name":"Bears","creator_address":"0xc1","property_version":{"vec":["1"]},"token":{"vec":[]},"token_name":"Bear #2"}`
	)
	l := newLedger(t, "wapal")
	l.log("listing_placed_events", "events::ListingPlacedEvent", `{"listing":"0x1","price":"500","seller":"0x5a","token_metadata":`+object+`,"type":"fixed price"}`)
	l.log("listing_placed_events", "events::ListingPlacedEvent", `{"listing":"0x1","price":"400","seller":"0x5a","token_metadata":`+object+`,"type":"fixed price"}`) // the price is changed
	l.log("listing_filled_events", "events::ListingFilledEvent", `{"commission":"6","listing":"0x1","price":"400","purchaser":"0xb","royalties":"20","seller":"0x5a","token_metadata":`+object+`,"type":"fixed price"}`)
	l.log("listing_placed_events", "events::ListingPlacedEvent", `{"listing":"0x2","price":"70","seller":"0x5a","token_metadata":`+first+`,"type":"fixed price"}`)
	l.log("listing_canceled_events", "events::ListingCanceledEvent", `{"listing":"0x2","price":"70","seller":"0x5a","token_metadata":`+first+`,"type":"fixed price"}`)
	l.log("token_offer_placed_events", "events::TokenOfferPlacedEvent", `{"price":"30","purchaser":"0xb","token_metadata":`+first+`,"token_offer":"0x3"}`)
	l.log("token_offer_canceled_events", "events::TokenOfferCanceledEvent", `{"price":"30","purchaser":"0xb","token_metadata":`+first+`,"token_offer":"0x3"}`)
	l.log("token_offer_placed_events", "events::TokenOfferPlacedEvent", `{"price":"31","purchaser":"0xb","token_metadata":`+object+`,"token_offer":"0x4"}`)
	l.log("token_offer_filled_events", "events::TokenOfferFilledEvent", `{"commission":"1","price":"31","purchaser":"0xb","royalties":"2","seller":"0x5a","token_metadata":`+object+`,"token_offer":"0x4"}`)
	l.log("collection_offer_placed_events", "events::CollectionOfferPlacedEvent", `{"collection_metadata":{"collection":{"vec":[{"inner":"0xc0"}]},"collection_name":"Sloths","creator_address":"0xc1"},"collection_offer":"0x5","price":"10","purchaser":"0xb","token_amount":"3"}`)
	l.log("collection_offer_filled_events", "events::CollectionOfferFilledEvent", `{"collection_offer":"0x5","commission":"1","price":"10","purchaser":"0xb","royalties":"0","seller":"0x5a","token_metadata":`+object+`}`)
	l.log("collection_offer_placed_events", "events::CollectionOfferPlacedEvent", `{"collection_metadata":{"collection":{"vec":[]},"collection_name":"Bears","creator_address":"0xc1"},"collection_offer":"0x6","price":"10","purchaser":"0xb","token_amount":"3"}`)
	l.log("collection_offer_canceled_events", "events::CollectionOfferCanceledEvent", `{"collection_metadata":{"collection":{"vec":[]},"collection_name":"Bears","creator_address":"0xc1"},"collection_offer":"0x6","price":"10","purchaser":"0xb","remaining_token_amount":"3"}`)

	sloth := markets.Token{Collection: long("c0"), ID: slug, Name: "Sloth #1", Standard: markets.AptosObject}
	bear := tokenV1("Bears", "Bear #2")
	l.check(map[string]markets.Order{
		long("1"): {Status: markets.Sold, Side: markets.Ask, Maker: sal, Taker: bob, Price: "400", Quantity: "1", Filled: "1", Token: sloth},
		long("2"): {Status: markets.Canceled, Side: markets.Ask, Maker: sal, Price: "70", Quantity: "1", Filled: "0", Token: bear},
		long("3"): {Status: markets.Canceled, Side: markets.Bid, Maker: bob, Price: "30", Quantity: "1", Filled: "0", Token: bear},
		long("4"): {Status: markets.Sold, Side: markets.Bid, Maker: bob, Taker: sal, Price: "31", Quantity: "1", Filled: "1", Token: sloth},
		long("5"): {Status: markets.Listing, Side: markets.Bid, Maker: bob, Taker: sal, Price: "30", Quantity: "3", Filled: "1", Token: markets.Token{Collection: long("c0"), Standard: markets.AptosObject}},
		long("6"): {Status: markets.Canceled, Side: markets.Bid, Maker: bob, Price: "30", Quantity: "3", Filled: "0", Token: markets.Token{Collection: bear.Collection, Standard: markets.AptosTokenV1}},
	})
	sale := only(l.events, func(e markets.Event) bool { return e.Kind == markets.Bought })[0]
	if len(sale.Fees) != 1 || sale.Fees[0].Amount != "6" || sale.Currency.Symbol != "APT" || sale.From != sal || sale.To != bob {
		t.Errorf("the sale is %+v", sale)
	}
}

func TestTopaz(t *testing.T) {
	const (
		token = `"token_id":{"property_version":"0","token_data_id":{"collection":"Bears","creator":"0xc1","name":"Bear #2"}}`
		apt   = `"coin_type":{"account_address":"0x1","module_name":"0x6170746f735f636f696e","struct_name":"0x4170746f73436f696e"}`
		bears = `"collection_name":"Bears","creator":"0xc1"`
	)
	l := newLedger(t, "topaz")
	l.log("list_events", "events::ListEvent", `{"timestamp":"1","listing_id":"7","price":"500","amount":"1","seller":"0x5a",`+token+`}`)
	l.log("buy_events", "events::BuyEvent", `{"timestamp":"2","listing_id":"7","price":"500","amount":"1","seller":"0x5a","buyer":"0xb",`+token+`}`)
	l.log("list_events", "events::ListEvent", `{"timestamp":"3","listing_id":"8","price":"600","amount":"1","seller":"0x5a",`+token+`}`)
	l.log("delist_events", "events::DelistEvent", `{"timestamp":"4","listing_id":"8","price":"600","amount":"1","seller":"0x5a",`+token+`}`)
	l.log("bid_events", "events::BidEvent", `{"timestamp":"5","bid_id":"7","deadline":"1700000000","price":"40","amount":"1","buyer":"0xb",`+apt+`,`+token+`}`)
	l.log("sell_events", "events::SellEvent", `{"timestamp":"6","bid_id":"7","deadline":"1700000000","price":"40","amount":"1","buyer":"0xb","seller":"0x5a",`+apt+`,`+token+`}`)
	l.log("bid_events", "events::BidEvent", `{"timestamp":"7","bid_id":"8","deadline":"1700000000","price":"40","amount":"1","buyer":"0xb",`+apt+`,`+token+`}`)
	l.log("cancel_bid_events", "events::CancelBidEvent", `{"timestamp":"8","bid_id":"8","deadline":"1700000000","price":"40","amount":"1","buyer":"0xb",`+apt+`,`+token+`}`)
	l.log("collection_bid_events", "events::CollectionBidEvent", `{"timestamp":"9","bid_id":"7","deadline":"1700000000","price":"10","amount":"2","buyer":"0xb",`+apt+`,`+bears+`}`)
	l.log("fill_collection_bid_events", "events::FillCollectionBidEvent", `{"timestamp":"10","bid_id":"7","price":"10","buyer":"0xb","seller":"0x5a",`+token+`}`)
	l.log("fill_collection_bid_events", "events::FillCollectionBidEvent", `{"timestamp":"11","bid_id":"7","price":"10","buyer":"0xb","seller":"0x5a",`+token+`}`)
	l.log("collection_bid_events", "events::CollectionBidEvent", `{"timestamp":"12","bid_id":"9","deadline":"1700000000","price":"10","amount":"2","buyer":"0xb",`+apt+`,`+bears+`}`)
	l.log("cancel_collection_bid_events", "events::CancelCollectionBidEvent", `{"timestamp":"13","bid_id":"9","deadline":"1700000000","price":"10","amount":"2","buyer":"0xb",`+apt+`,`+bears+`}`)

	bear := tokenV1("Bears", "Bear #2")
	anyBear := markets.Token{Collection: bear.Collection, Standard: markets.AptosTokenV1}
	l.check(map[string]markets.Order{
		"listing-7":        {Status: markets.Sold, Side: markets.Ask, Maker: sal, Taker: bob, Price: "500", Quantity: "1", Filled: "1", Token: bear},
		"listing-8":        {Status: markets.Canceled, Side: markets.Ask, Maker: sal, Price: "600", Quantity: "1", Filled: "0", Token: bear},
		"bid-7":            {Status: markets.Sold, Side: markets.Bid, Maker: bob, Taker: sal, Price: "40", Quantity: "1", Filled: "1", Token: bear},
		"bid-8":            {Status: markets.Canceled, Side: markets.Bid, Maker: bob, Price: "40", Quantity: "1", Filled: "0", Token: bear},
		"collection-bid-7": {Status: markets.Sold, Side: markets.Bid, Maker: bob, Taker: sal, Price: "20", Quantity: "2", Filled: "2", Token: anyBear},
		"collection-bid-9": {Status: markets.Canceled, Side: markets.Bid, Maker: bob, Price: "20", Quantity: "2", Filled: "0", Token: anyBear},
	})
	for key, order := range folded(l.events) {
		if order.Side == markets.Bid && (order.ExpiresAt == nil || order.ExpiresAt.Unix() != 1700000000 || order.Currency.Address != "0x1::aptos_coin::AptosCoin") {
			t.Errorf("%s expires %v and is in %v", key, order.ExpiresAt, order.Currency)
		}
	}
}

func TestBlueMove(t *testing.T) {
	id := func(name string) string {
		return `"id":{"property_version":"0","token_data_id":{"collection":"Bears","creator":"0xc1","name":"` + name + `"}}`
	}
	l := newLedger(t, "bluemove")
	l.log("listing_events", "marketplaceV2::ListEvent", `{"amount":"500","seller_address":"0x5a","royalty_payee":"0xc1",`+id("Bear #1")+`}`)
	l.log("changing_price_events", "marketplaceV2::ChangePriceEvent", `{"amount":"450","seller_address":"0x5a",`+id("Bear #1")+`}`)
	l.log("buying_events", "marketplaceV2::BuyEvent", `{"buyer_address":"0xb",`+id("Bear #1")+`}`)
	l.log("listing_events", "marketplaceV2::ListEvent", `{"amount":"900","seller_address":"0x5a",`+id("Bear #2")+`}`)
	l.log("buying_events", "marketplaceV2::BuyEvent", `{"buyer_address":"0xb",`+id("Bear #2")+`}`)
	l.log("listing_events", "marketplaceV2::ListEvent", `{"amount":"800","seller_address":"0xb",`+id("Bear #2")+`}`) // by its buyer
	l.log("delisting_events", "marketplaceV2::DelistEvent", `{"seller_address":"0xb",`+id("Bear #2")+`}`)

	keys := map[string]string{}
	for _, e := range l.events {
		keys[e.Token.Name] = e.Order
	}
	l.check(map[string]markets.Order{
		keys["Bear #1"]: {Status: markets.Sold, Side: markets.Ask, Maker: sal, Taker: bob, Price: "450", Quantity: "1", Filled: "1", Token: tokenV1("Bears", "Bear #1")},
		keys["Bear #2"]: {Status: markets.Canceled, Side: markets.Ask, Maker: bob, Price: "800", Quantity: "1", Filled: "0", Token: tokenV1("Bears", "Bear #2")},
	})
}

// long is an address with 64 digits.
func long(digits string) string {
	const zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	return "0x" + zeros[len(digits):] + digits
}

// tokenV1 is a token of the creator 0xc1. Its ids are SHA-256 of "creator::collection::name",
// as in the indexer of Aptos Labs, the creator with 64 digits.
func tokenV1(collection, name string) markets.Token {
	id := func(text string) string { return fmt.Sprintf("0x%x", sha256.Sum256([]byte(text))) }
	return markets.Token{Collection: id(long("c1") + "::" + collection), ID: id(long("c1") + "::" + collection + "::" + name), Name: name, Standard: markets.AptosTokenV1}
}
