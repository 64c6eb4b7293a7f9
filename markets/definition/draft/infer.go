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
	of   string // the struct that it is a field of; "" if it is the event's own
	kind expression.Kind
}

// expression is the expression for the field.
func (f field) expression() string {
	if f.of != "" {
		return f.of + "." + f.name
	}
	return f.name
}

// is says whether the field's name contains a part, or has it as a word if it is short enough
// to be in others.
func (f field) is(part string) bool {
	if part == "to" || part == "bid" {
		return slices.Contains(wordsOf(f.name), part)
	}
	return strings.Contains(strings.ToLower(f.name), part)
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
	words := wordsOf(e.name)
	sells := slices.ContainsFunc(words, func(word string) bool { return word == "ask" || word == "asks" || word == "sell" })
	bids := has("bid", "offer") && !has("offered") && !sells
	changes := has("update", "change", "modif")
	ends := has("cancel", "delist", "remove", "withdraw", "nolonger", "unlist", "reject", "decline")
	starts := has("created", "started", "opened", "placed", "made")
	sale := has("buy", "bought", "sold", "sale", "purchase", "execut", "match", "fulfil", "fill", "taken", "trade", "settle", "accept") || has("auction") && has("success", "won", "finali", "complete")
	switch {
	case has("taker") && has("bid"): // a bid that takes an ask
		return inference{"buy", markets.Bought}
	case has("taker") && has("ask"):
		return inference{"offer-accept", markets.OfferAccepted}
	case bids && has("reject", "decline"):
		return inference{"offer-reject", markets.OfferRejected}
	case bids && ends:
		return inference{"offer-cancel", markets.OfferCancelled}
	case bids && sale && !starts:
		return inference{"offer-accept", markets.OfferAccepted}
	case (bids || sells || has("list", "price", "auction", "offered")) && changes:
		return inference{"update", markets.OrderChanged}
	case bids:
		return inference{"offer", markets.OfferMade}
	case ends:
		return inference{"delist", markets.Delisted}
	case sale && !starts:
		return inference{"buy", markets.Bought}
	case has("list", "offered", "sale", "auction") || sells:
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
			if f.kind == kind && f.is(part) {
				return f.expression()
			}
		}
	}
	return ""
}

// collection is the field that is likely to be the token's collection.
func (e event) collection() string {
	collection := e.find(expression.TextKind, "collection", "nftcontract", "tokenaddress", "nftaddress", "nft", "tokencontract", "token")
	if collection == e.currency {
		return ""
	}
	return collection
}

// token is the field that is likely to be the token's id.
func (e event) token() string {
	return e.find(expression.NumberKind, "tokenid", "token_id", "nftid", "punkindex", "assetid")
}

// orderKey is the field that is likely to tell orders apart; "" if there is none.
func (e event) orderKey() string {
	return cmp.Or(
		e.find(expression.NumberKind, "orderid", "order_id", "listingid", "listing_id", "offerid", "offer_id", "bidid", "bid_id", "auctionid", "auction_id", "saleid", "sale_id", "itemid"),
		e.find(expression.TextKind, "orderhash", "hash", "listing", "bidid", "bid_id", "orderid", "order_id", "bid"))
}

// key is an expression that is likely to tell orders apart; "" if there is none.
func (e event) key() string {
	id := e.orderKey()
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
		return e.find(expression.TextKind, "bidder", "biduser", "buyer", "offerer", "maker", "from"), e.find(expression.TextKind, "seller", "askuser", "taker", "owner", "to")
	}
	return e.find(expression.TextKind, "seller", "askuser", "maker", "owner", "lister", "from"), e.find(expression.TextKind, "buyer", "biduser", "taker", "to", "winner")
}
