package definition

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/imart/event-worker/markets"
)

// guess is a draft of what an event becomes.
type guess struct {
	stream string
	kind   markets.Kind
}

// guessOf is what an event's name makes likely. Of nothing, and of what has no key that
// an order could have, it makes a record.
func guessOf(event string, fields []drafted) guess {
	record := guess{"record-" + plainName(event), markets.Recorded}
	if keyOf(fields) == "" {
		return record
	}
	name := strings.ToLower(event)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(name, part) })
	}
	asks := slices.ContainsFunc(wordsOf(event), func(word string) bool { return word == "ask" || word == "asks" })
	lists := has("list", "salecreated", "offered") || asks
	changes := has("update", "change", "modif")
	ends := has("cancel", "delist", "remove", "withdraw", "nolonger", "unlist")
	sale := has("buy", "bought", "sold", "sale", "purchase", "execut", "match", "fulfil", "fill")
	switch {
	case has("bid", "offer") && has("accept"):
		return guess{"offer-accept", markets.OfferAccepted}
	case has("bid", "offer") && has("reject"):
		return guess{"offer-reject", markets.OfferRejected}
	case has("bid", "offer") && ends:
		return guess{"offer-cancel", markets.OfferCancelled}
	case has("bid", "offer", "price") && changes || lists && changes:
		return guess{"update", markets.OrderChanged}
	case has("bid", "offer") && !has("offered"):
		return guess{"offer", markets.OfferMade}
	case ends:
		return guess{"delist", markets.Delisted}
	case sale && !has("salecreated"):
		return guess{"buy", markets.Bought}
	case lists:
		return guess{"list", markets.Listed}
	}
	return record
}

// wordsOf are the words of a name in camel case or with underscores, in small letters.
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

// plainName is a name as streams and records have them.
func plainName(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	name := b.String()
	return name[:min(len(name), 30)]
}

// drafted is a field of an event: its name and kind.
type drafted struct {
	name string
	kind kind
}

// find is the first field of a kind whose name contains one of the parts, or "".
func find(fields []drafted, k kind, parts ...string) string {
	for _, part := range parts {
		for _, f := range fields {
			if f.kind == k && strings.Contains(strings.ToLower(f.name), part) {
				return f.name
			}
		}
	}
	return ""
}

// collectionOf is the field that likely is the token's collection.
func collectionOf(fields []drafted) string {
	return find(fields, isText, "collection", "nftcontract", "tokenaddress", "nftaddress", "nft", "tokencontract", "token")
}

// tokenOf is the field that likely is the token's id.
func tokenOf(fields []drafted) string {
	return find(fields, isNumber, "tokenid", "token_id", "nftid", "punkindex", "assetid")
}

// keyOf is an expression for what likely tells orders apart, "" if nothing does.
func keyOf(fields []drafted) string {
	id := cmp.Or(
		find(fields, isNumber, "orderid", "listingid", "offerid", "offer_id", "listing_id", "bidid", "auctionid", "saleid", "itemid"),
		find(fields, isText, "orderhash", "hash", "listing", "bid", "orderid"))
	token := tokenOf(fields)
	if other := find(fields, isNumber, "id", "index"); id == "" && other != token {
		id = other
	}
	if collection := collectionOf(fields); id == "" && token != "" && collection != "" {
		return fmt.Sprintf(`%s + ":" + %s`, collection, token)
	}
	return cmp.Or(id, token)
}

// writeOutcome writes what an event becomes. here names the contract itself.
func writeOutcome(b *bytes.Buffer, event string, g guess, fields []drafted, here, currency string) {
	line := func(format string, args ...any) { fmt.Fprintf(b, "        "+format+"\n", args...) }
	if g.kind == markets.Recorded {
		line("kind: recorded")
		writeRecord(b, event, fields)
		return
	}
	collection, token := collectionOf(fields), tokenOf(fields)
	line("kind: %s", g.kind)
	line("order: '\"\" + %s'", keyOf(fields))
	maker, taker := find(fields, isText, "seller", "maker", "owner", "lister", "from"), find(fields, isText, "buyer", "taker", "to", "winner")
	if sideOf(g.kind) == markets.Bid {
		maker, taker = find(fields, isText, "bidder", "buyer", "offerer", "maker", "from"), find(fields, isText, "seller", "taker", "owner", "to")
	}
	if maker != "" {
		line("maker: %s", maker)
	}
	if taker != "" && taker != maker {
		line("taker: %s", taker)
	}
	switch {
	case collection != "" && token != "" && collection != maker:
		line("token: {collection: %s, id: %s}", collection, token)
	case token != "" && here != "":
		line("token: {collection: %s, id: %s}", here, token)
	case token != "":
		line("token: {id: %s}", token)
	}
	if quantity := find(fields, isNumber, "quantity", "amount", "count"); quantity != "" {
		line("quantity: %s", quantity)
	}
	if price := find(fields, isNumber, "price", "value", "cost"); price != "" {
		line("price: %s", price)
		line("currency: %s", currency)
	}
}

func writeRecord(b *bytes.Buffer, event string, fields []drafted) {
	key := `"all"`
	if len(fields) > 0 {
		key = fields[0].name
		if fields[0].kind != isNumber && fields[0].kind != isText {
			key = `"all"`
		}
	}
	fmt.Fprintf(b, "        record:\n          type: %s\n          key: '%s'\n", plainName(event), key)
	if len(fields) > 0 {
		b.WriteString("          fields:\n")
	}
	for _, f := range fields {
		fmt.Fprintf(b, "            %s: %s\n", f.name, f.name)
	}
}

// plumbing are events that contracts of every kind have, and that tell nothing of
// markets.
var plumbing = []string{
	"Approval", "ApprovalForAll", "Transfer", "TransferSingle", "TransferBatch", "URI",
	"OwnershipTransferred", "OwnershipTransferStarted", "Paused", "Unpaused", "Initialized",
	"Upgraded", "AdminChanged", "BeaconUpgraded", "RoleGranted", "RoleRevoked", "RoleAdminChanged", "DiamondCut",
}

// withoutPlumbing leaves such events out, unless there are no others, and names them.
func withoutPlumbing(events []*event) (kept []*event, left []string) {
	for _, e := range events {
		if slices.Contains(plumbing, e.RawName) {
			left = append(left, e.RawName)
		} else {
			kept = append(kept, e)
		}
	}
	if len(kept) == 0 {
		return events, nil
	}
	return kept, left
}
