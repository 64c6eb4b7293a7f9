package draft

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// event is an event to draft a source for.
type event struct {
	name     string
	fields   []field
	emitter  string // the expression for the contract that logged it; "" if there is none
	currency string // the expression for what prices are in
}

type field struct {
	name string
	kind expression.Kind
}

// inference is what an event's name makes likely.
type inference struct {
	stream string
	kind   markets.Kind
}

// infer infers from an event's name what happened. An event whose name says nothing, or
// that has no field for an order's key, becomes a record.
func infer(e event) inference {
	record := inference{"record-" + shortName(e.name), markets.Recorded}
	if e.key() == "" {
		return record
	}
	name := strings.ToLower(e.name)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(name, part) })
	}
	asks := slices.ContainsFunc(wordsOf(e.name), func(word string) bool { return word == "ask" || word == "asks" })
	lists := has("list", "salecreated", "offered") || asks
	changes := has("update", "change", "modif")
	ends := has("cancel", "delist", "remove", "withdraw", "nolonger", "unlist")
	sale := has("buy", "bought", "sold", "sale", "purchase", "execut", "match", "fulfil", "fill")
	switch {
	case has("bid", "offer") && has("accept"):
		return inference{"offer-accept", markets.OfferAccepted}
	case has("bid", "offer") && has("reject"):
		return inference{"offer-reject", markets.OfferRejected}
	case has("bid", "offer") && ends:
		return inference{"offer-cancel", markets.OfferCancelled}
	case has("bid", "offer", "price") && changes || lists && changes:
		return inference{"update", markets.OrderChanged}
	case has("bid", "offer") && !has("offered"):
		return inference{"offer", markets.OfferMade}
	case ends:
		return inference{"delist", markets.Delisted}
	case sale && !has("salecreated"):
		return inference{"buy", markets.Bought}
	case lists:
		return inference{"list", markets.Listed}
	}
	return record
}

// wordsOf are the words of a name in camel or snake case, in lower case.
func wordsOf(name string) []string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Split(b.String(), "_")
}

// shortName is a name for streams and types of records: lower-case letters and digits.
func shortName(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	name := b.String()
	return name[:min(len(name), 30)]
}

// find is the first field of a kind whose name contains one of the parts, tried in order;
// "" if there is none.
func (e event) find(kind expression.Kind, parts ...string) string {
	for _, part := range parts {
		for _, f := range e.fields {
			if f.kind == kind && strings.Contains(strings.ToLower(f.name), part) {
				return f.name
			}
		}
	}
	return ""
}

// collection is the field that is likely to be the token's collection.
func (e event) collection() string {
	return e.find(expression.TextKind, "collection", "nftcontract", "tokenaddress", "nftaddress", "nft", "tokencontract", "token")
}

// token is the field that is likely to be the token's id.
func (e event) token() string {
	return e.find(expression.NumberKind, "tokenid", "token_id", "nftid", "punkindex", "assetid")
}

// key is an expression that is likely to tell orders apart; "" if there is none.
func (e event) key() string {
	id := cmp.Or(
		e.find(expression.NumberKind, "orderid", "listingid", "offerid", "offer_id", "listing_id", "bidid", "auctionid", "saleid", "itemid"),
		e.find(expression.TextKind, "orderhash", "hash", "listing", "bid", "orderid"))
	token, collection := e.token(), e.collection()
	if other := e.find(expression.NumberKind, "id", "index"); id == "" && other != token {
		id = other
	}
	if id == "" && token != "" && collection != "" {
		return fmt.Sprintf(`%s + ":" + %s`, collection, token)
	}
	return cmp.Or(id, token)
}

// parties are the fields that are likely to be an order's maker and taker.
func (e event) parties(side markets.Side) (maker, taker string) {
	if side == markets.Bid {
		return e.find(expression.TextKind, "bidder", "buyer", "offerer", "maker", "from"), e.find(expression.TextKind, "seller", "taker", "owner", "to")
	}
	return e.find(expression.TextKind, "seller", "maker", "owner", "lister", "from"), e.find(expression.TextKind, "buyer", "taker", "to", "winner")
}
