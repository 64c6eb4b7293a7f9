package definition_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains/transactions"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// A market whose events name only the listing, as if Tradeport's said no more.
const byResource = `market: tradeport
kind: aptos
chains: {mainnet: {chainId: 1, start: 1, account: "0xe11c12ec495f3989c35e1c6a0af414451223305b579291fc8f3d9d0575a23c26"}}
types: |
  struct InsertListingEvent { listing: Object<Listing> }
  struct Listing { price: u64, seller: address, token: Object<Token> }
  struct ObjectCore { owner: address }
streams:
  list:
    event: listings_v2::InsertListingEvent
    resources: {listings: "listings_v2::Listing", objects: "0x1::object::ObjectCore"}
    let: {of: "listings[listing]"}
    becomes:
      kind: listed
      order: listing
      maker: of.seller
      price: of.price
      currency: '"0x1::aptos_coin::AptosCoin"'
      token: {collection: collectionOf(of.token), id: of.token, standard: aptos-object}
      to: objects[of.token].owner
`

// What events do not say themselves is in the resources that their transaction writes: of a
// recorded transaction with two listings, each has its own.
func TestResourcesOfATransaction(t *testing.T) {
	text, err := os.ReadFile("../../testdata/recordings/aptos/transactions/2386809975.json")
	if err != nil {
		t.Fatal(err)
	}
	found, err := transactions.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s := on(t, parsed(t, byResource), definition.Site{ChainID: 1}).Streams[0]
	type listing struct {
		Listing, Token struct{ Inner string }
		Seller, Price  string
	}
	var own []markets.Raw
	var want []listing
	for _, raw := range found[0].Raws {
		if s.Source.Matches(&raw) {
			var l listing
			if err := json.Unmarshal(raw.JSON, &l); err != nil {
				t.Fatal(err)
			}
			own, want = append(own, raw), append(want, l)
		}
	}
	if len(want) != 2 || want[0].Token == want[1].Token {
		t.Fatalf("recorded are %+v", want)
	}
	events, failures := s.DecodeAll(own)
	if len(failures) > 0 || len(events) != 2 {
		t.Fatalf("%d events, %+v", len(events), failures)
	}
	for i, e := range events {
		w := want[i]
		if e.Order != w.Listing.Inner || e.Maker != w.Seller || string(e.Price) != w.Price || e.Token.ID != w.Token.Inner || e.Token.Collection == "" {
			t.Errorf("%+v, want %+v", e, w)
		}
		if e.To != e.Order { // the listing holds the token
			t.Errorf("the token's owner is %s, want %s", e.To, e.Order)
		}
	}
	// Without the resource an event fails, and so does it where the resource has other fields.
	bare := *own[0].Ledger
	bare.Resources = nil
	other := *own[0].Ledger
	other.Resources = []markets.AptosResource{{Address: want[0].Listing.Inner, Type: s.Source.Types[0][:66] + "::listings_v2::Listing", Data: json.RawMessage(`{"price":"1"}`)}}
	for reason, ledger := range map[string]*markets.AptosTransaction{"cannot fetch seller": &bare, "resource at " + want[0].Listing.Inner: &other} {
		raw := own[0]
		raw.Ledger = ledger
		if events, failures := s.DecodeAll([]markets.Raw{raw}); len(events) > 0 || len(failures) != 1 || !strings.Contains(failures[0].Reason.Error(), reason) {
			t.Errorf("%+v, %+v, want %s", events, failures, reason)
		}
	}
}

// Resources have types, and are those that the chain keeps.
func TestProblemsOfResources(t *testing.T) {
	for change, want := range map[string]string{
		`price: of.price>price: of.seller`:                                   "price: is a text where a number is needed",
		`price: of.price>price: of.cost`:                                     "cost",
		`listings: "listings_v2::Listing">listing: "listings_v2::Listing"`:   "listing is taken",
		`listings: "listings_v2::Listing">listings: Listing`:                 "write the type with its module",
		`listings: "listings_v2::Listing">listings: "listings_v2::Auction"`:  "unknown struct listings_v2::Auction",
		`listings: "listings_v2::Listing">listings: "0x7::m::Listing"`:       "resources of this account are not kept",
		`listings: "listings_v2::Listing">listings: "0x1::coin::ObjectCore"`: "resources of this account are not kept",
		`listings: "listings_v2::Listing">"a b": "listings_v2::Listing"`:     "is not a name",
	} {
		from, to, _ := strings.Cut(change, ">")
		_, err := definition.Parse(definition.Source{File: "x.yaml", Text: []byte(strings.Replace(byResource, from, to, 1))})
		problems, _ := err.(definition.Problems)
		if err == nil || !strings.Contains(problems.Lines(), want) {
			t.Errorf("%s: %v, want %s", change, err, want)
		}
	}
}

// Type arguments are those of the event's type, however nested; a resource of a generic type
// is the first at its address.
func TestTypeArguments(t *testing.T) {
	const text = `market: generic
kind: aptos
chains: {mainnet: {chainId: 1, start: 1, account: "0x5"}}
types: |
  struct Sold<T> { id: u64 }
  struct Store<T> { coins: u64 }
streams:
  buy:
    event: m::Sold
    resources: {stores: m::Store}
    becomes: {kind: recorded, record: {type: sale, key: id, fields: {types: typeArguments, known: '"OWNER" in stores', coins: 'stores["OWNER"]?.coins ?? 0'}}}
`
	owner := long("8")
	s := on(t, parsed(t, strings.ReplaceAll(text, "OWNER", owner)), definition.Site{ChainID: 1}).Streams[0]
	resource := func(address, name, coins string) markets.AptosResource {
		return markets.AptosResource{Address: address, Type: name, Data: json.RawMessage(`{"coins":"` + coins + `"}`)}
	}
	for arguments, want := range map[string]string{
		"":                                     "[]",
		"<0x1::aptos_coin::AptosCoin>":         "[0x1::aptos_coin::AptosCoin]",
		"<u64, 0x2::a::B<u8, 0x3::c::D>>":      "[u64 0x2::a::B<u8, 0x3::c::D>]",
		"<0x2::a::B<0x3::c::D<u8>>,0x4::e::F>": "[0x2::a::B<0x3::c::D<u8>> 0x4::e::F]",
	} {
		raw := markets.Raw{Type: long("5") + "::m::Sold" + arguments, JSON: json.RawMessage(`{"id":"1"}`), Ledger: &markets.AptosTransaction{Resources: []markets.AptosResource{
			resource(long("9"), "0x5::m::Store<u8>", "1"), resource(owner, "0x6::m::Store<u8>", "2"), resource(owner, "0x5::m::Store<u8>", "3"), resource(owner, "0x5::m::Store<u16>", "4"),
		}}}
		without := raw
		without.Position.Log, without.Ledger = 1, nil
		events, failures := s.DecodeAll([]markets.Raw{raw, without})
		if len(failures) > 0 || len(events) != 2 {
			t.Fatalf("%s: %+v", arguments, failures)
		}
		fields := events[0].Record.Fields
		if got := fmt.Sprint(fields["types"]); got != want || fields["known"] != true || fields["coins"] != "3" {
			t.Errorf("%s: %v", arguments, fields)
		}
		if fields := events[1].Record.Fields; fields["known"] != false || fields["coins"] != "0" {
			t.Errorf("without resources: %v", fields)
		}
	}
}
