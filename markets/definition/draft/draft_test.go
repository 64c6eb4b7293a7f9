package draft_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/markets/definition/draft"
)

const contractABI = `[
 {"type":"event","name":"ItemListed","inputs":[{"name":"listingId","type":"uint256","indexed":true},{"name":"seller","type":"address"},{"name":"nft","type":"address"},{"name":"tokenId","type":"uint256"},{"name":"price","type":"uint256"}]},
 {"type":"event","name":"ItemSold","inputs":[{"name":"listingId","type":"uint256","indexed":true},{"name":"seller","type":"address"},{"name":"buyer","type":"address"},{"name":"nft","type":"address"},{"name":"tokenId","type":"uint256"},{"name":"price","type":"uint256"}]},
 {"type":"event","name":"ItemCanceled","inputs":[{"name":"listingId","type":"uint256","indexed":true}]},
 {"type":"event","name":"BidPlaced","inputs":[{"name":"bidId","type":"bytes32"},{"name":"bidder","type":"address"},{"name":"value","type":"uint256"}]},
 {"type":"event","name":"Paused","inputs":[]},
 {"type":"event","name":"Odd","inputs":[{"name":"","type":"bool"},{"name":"parts","type":"tuple[]","components":[{"name":"x","type":"uint8"},{"name":"y","type":"string"}]}]},
 {"type":"event","name":"Odd","inputs":[{"name":"x","type":"uint256","indexed":true}]},
 {"type":"function","name":"f","inputs":[]}
]`

const moveModule = `{"bytecode":"0x00","abi":{"address":"0x5","name":"shop","structs":[
 {"name":"ListEvent","fields":[{"name":"id","type":"u64"},{"name":"seller","type":"address"},{"name":"price","type":"u64"},{"name":"token_id","type":"0x3::token::TokenId"}]},
 {"name":"BuyEvent","fields":[{"name":"id","type":"u64"},{"name":"buyer","type":"address"},{"name":"price","type":"u64"}]},
 {"name":"Shop","fields":[{"name":"list_events","type":"0x1::event::EventHandle<0x5::shop::ListEvent>"},{"name":"buy_events","type":"0x1::event::EventHandle<0x5::shop::BuyEvent>"}]}
]}}`

const contractSource = `
pragma solidity ^0.8.0;
/* event Old(uint256 id); */
contract Market {
    // event Never(uint256 id);
    event Listed(uint indexed id, address indexed seller, // who sells
        uint256 price);
    event Bought(uint indexed id, address buyer, IERC20 token, uint256 price);
    event Transfer(address indexed from, address indexed to, uint256 value);
    function list() external { emit Listed(1, msg.sender, 2); }
}
contract Other { event Listed(uint indexed id, address indexed seller, uint256 price); }`

// moveModules is an account's modules as a node answers them: one without handles, one
// whose resource keeps other things beside them, among them events of another account.
const moveModules = `[{"bytecode":"0x00","abi":{"address":"0x6","name":"math","structs":[{"name":"Curve","fields":[{"name":"dummy_field","type":"bool"}]}]}},
 {"bytecode":"0x00","abi":{"address":"0x6","name":"market","structs":[
 {"name":"Task","fields":[{"name":"task_id","type":"u64"},{"name":"address","type":"address"}]},
 {"name":"Sold","is_event":true,"fields":[{"name":"listing_id","type":"u64"},{"name":"buyer","type":"address"}]},
 {"name":"Bought","is_event":true,"fields":[{"name":"listing_id","type":"u64"},{"name":"buyer","type":"address"}]},
 {"name":"Inner","fields":[{"name":"id","type":"u64"}]},
 {"name":"PriceUpdated","fields":[{"name":"listing_id","type":"u64"},{"name":"new_price","type":"u64"},{"name":"inner","type":"vector<0x6::market::Inner>"}]},
 {"name":"Store","fields":[{"name":"tasks","type":"0x1::table::Table<u64, 0x6::market::Task>"},{"name":"set_task","type":"0x1::event::EventHandle<0x6::market::Task>"},
  {"name":"updates","type":"0x1::event::EventHandle<0x6::market::PriceUpdated>"},{"name":"sales","type":"0x1::event::EventHandle<0x7::other::Sold>"}]}
]}}]`

// What is drafted is sound, and says of events with telling names what they are.
func TestDraft(t *testing.T) {
	for name, c := range map[string]struct {
		address, text string
		want          []string
	}{
		"ABI":    {"0x00000000000000000000000000000000000000aa", contractABI, []string{"kind: listed", "kind: bought", "kind: delisted", "kind: offer_made", "taker: buyer", "price: price", "Odd(uint256 indexed)"}},
		"source": {"", contractSource, []string{"event Listed(uint256 indexed id, address indexed seller, uint256 price)\n\n", "kind: listed", "by hand: event Bought(", "IERC20", "Left out: Transfer"}},
		"exchange": {"", exchangeSource, []string{"kind: bought\n        order: '\"\" + nonceInvalidation.orderHash'\n        taker: bidUser\n        token: {collection: collection, id: tokenId}\n        price: price\n        currency: currency\n",
			"kind: offer_accepted\n        order: '\"\" + nonceInvalidation.orderHash'\n        maker: bidUser\n        taker: askUser\n", "uint256 strategyId, address currency", "(bytes32 orderHash, uint256 orderNonce, bool isNonceInvalidated) nonceInvalidation",
			"uint8 quoteType", "# Left out: CurrencyStatusUpdated, NewProtocolFeeRecipient, Paused, StrategyUpdated."}},
		"modules": {"", moveModules, []string{`account: "0x6"`, "kind: order_changed", "price: new_price", "Store/sales has events of 0x7::other::Sold", "record-task", "struct market::Inner", "    - event: market::Sold\n      becomes:\n        kind: bought", "start: 0 # the ledger version"}},
		"module":  {"0x5", moveModule, []string{"kind: listed", "kind: bought", "handle: shop::Shop/buy_events", "maker: seller"}},
	} {
		text, err := draft.Definition("my-market", c.address, []byte(c.text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		d, err := definition.Parse(definition.Source{File: "draft.yaml", Text: text})
		if err != nil {
			t.Fatalf("%s: %s\n%s", name, err.(definition.Problems).Lines(), text)
		}
		if _, err := d.On(definition.Site{ChainID: 1}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, part := range c.want {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s: no %q in\n%s", name, part, text)
			}
		}
	}
	for _, text := range []string{"", "{}", "[]", "null", `{"name":"x"}`, "no JSON"} {
		if _, err := draft.Definition("x", "0x1", []byte(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// A LooksRare-like exchange: structs, enums, value types and interfaces in the source, sales that
// are called after the side that takes, and administration.
const exchangeSource = `
library OrderStructs { struct Invalidation { bytes32 orderHash; uint256 orderNonce; bool isNonceInvalidated; } }
type Strategy is uint256;
enum QuoteType { Bid, Ask }
interface IERC20 { }
contract Exchange {
    event TakerBid(OrderStructs.Invalidation nonceInvalidation, address bidUser, Strategy strategyId, IERC20 currency, address collection, uint256 tokenId, uint256 price);
    event TakerAsk(OrderStructs.Invalidation nonceInvalidation, address askUser, address bidUser, Strategy strategyId, address currency, address collection, uint256 tokenId, uint256 price);
    event OrderPlaced(bytes32 orderHash, QuoteType quoteType);
    event NewProtocolFeeRecipient(address protocolFeeRecipient);
    event CurrencyStatusUpdated(address currency, bool isAllowed);
    event StrategyUpdated(uint256 strategyId, bool isActive);
    event Paused(address account);
}`

// What explorers answer of a contract is read as its ABI.
func TestExplorers(t *testing.T) {
	abi := strings.ReplaceAll(contractABI, "\n", "")
	quoted := strconv.Quote(abi)
	metadata := `{"compiler":{"version":"0.8.20"},"language":"Solidity","output":{"abi":` + abi + `,"devdoc":{}},"settings":{"compilationTarget":{"a.sol":"Shop"}}}`
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"getabi":        {`{"status":"1","message":"OK","result":` + quoted + `}`, []string{"chainId: 1\n", "main: \"" + "0x00000000000000000000000000000000000000aa"}},
		"getsourcecode": {`{"status":"1","message":"OK","result":[{"SourceCode":"contract Shop {}","ABI":` + quoted + `,"ContractName":"Shop","Proxy":"0","Implementation":""}]}`, nil},
		"proxy":         {`{"status":"1","message":"OK","result":[{"SourceCode":"","ABI":` + quoted + `,"Proxy":"1","Implementation":"0xbeef"}]}`, []string{"is a proxy. Its events are those of 0xbeef"}},
		"metadata.json": {metadata, nil},
		"Sourcify v1":   {`{"status":"full","files":[{"name":"a.sol","content":"contract Shop {}"},{"name":"metadata.json","content":` + strconv.Quote(metadata) + `}]}`, nil},
		"Sourcify v2":   {`{"matchId":"7","chainId":"8453","address":"0x00000000000000000000000000000000000000bb","abi":` + abi + `,"deployment":{"blockNumber":"123"}}`, []string{"chainId: 8453\n", "start: 123 "}},
		"compiler":      {`{"language":"Solidity","sources":{"a.sol":{"content":` + strconv.Quote(contractSource) + `}}}`, []string{"event Listed("}},
	} {
		text, err := draft.Definition("shop", "0x00000000000000000000000000000000000000aa", []byte(test.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := definition.Parse(definition.Source{File: "draft.yaml", Text: text}); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		for _, part := range append(test.want, "kind: listed") {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s: no %q in\n%s", name, part, text)
			}
		}
	}
	text, err := draft.Definition("shop", "", []byte(`{"chainId":"1","address":"0x00000000000000000000000000000000000000bb","abi":`+abi+`}`))
	if err != nil || !strings.Contains(string(text), `main: "0x00000000000000000000000000000000000000bb"`) {
		t.Errorf("%v, %s", err, text)
	}
	for text, want := range map[string]string{
		`{"status":"0","message":"NOTOK","result":"Max rate limit reached"}`:                                        "Max rate limit reached",
		`{"status":"0","message":"NOTOK","result":"Contract source code not verified"}`:                             "not verified",
		`{"status":"1","message":"OK","result":[{"SourceCode":"","ABI":"Contract source code not verified"}]}`:      "does not have the contract's source",
		`{"status":"1","message":"OK","result":[{"SourceCode":"","ABI":"Contract source code not verified"},null]}`: "does not have the contract's source",
		`{"status":"1","message":"OK","result":[]}`:                                                                 "does not have the contract's source",
		`{"status":"1","message":"OK","result":7}`:                                                                  "does not have the contract's source",
	} {
		if _, err := draft.Definition("shop", "", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Names of events that say what happened.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"TakerBid": "bought", "TakerAsk": "offer_accepted", "AskFilled": "bought", "BidFilled": "offer_accepted", "OfferFulfilled": "offer_accepted",
		"OrdersMatched": "bought", "MarketItemSold": "bought", "AuctionSettled": "bought", "AuctionSuccessful": "bought", "SellOfferAccepted": "bought",
		"AuctionCreated": "listed", "AskCreated": "listed", "SaleCreated": "listed", "SellOfferCreated": "listed", "PunkOffered": "listed",
		"AuctionCancelled": "delisted", "AskCanceled": "delisted", "SellOfferCancelled": "delisted", "PunkNoLongerForSale": "delisted",
		"BidPlaced": "offer_made", "OfferCreated": "offer_made", "AuctionBid": "offer_made", "OfferRejected": "offer_rejected", "BidWithdrawn": "offer_cancelled",
		"ListingUpdated": "order_changed", "AskPriceUpdated": "order_changed", "Something": "recorded",
	} {
		text, err := draft.Definition("shop", "0x00000000000000000000000000000000000000aa", []byte("event "+name+"(bytes32 orderHash, address seller, address buyer, uint256 price);"))
		if err != nil || !strings.Contains(string(text), "kind: "+want+"\n") {
			t.Errorf("%s is not %s: %v\n%s", name, want, err, text)
		}
	}
}
