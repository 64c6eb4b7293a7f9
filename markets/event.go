package markets

import (
	"encoding/json"
	"time"
)

// Kind says what happened on a market.
type Kind string

// The kinds of market events.
const (
	Listed            Kind = "listed"
	Delisted          Kind = "delisted"
	Bought            Kind = "bought"
	OfferMade         Kind = "offer_made"
	OfferCancelled    Kind = "offer_cancelled"
	OfferAccepted     Kind = "offer_accepted"
	OfferRejected     Kind = "offer_rejected"
	OfferAgreed       Kind = "offer_agreed"     // an offer of something other than a sale was accepted, such as to exhibit a token
	Matched           Kind = "matched"          // the other half of a sale: it fills an order, but is not a sale itself
	OrderChanged      Kind = "order_changed"    // an order's price, quantity or expiry changed: those that the event has
	OrdersCancelled   Kind = "orders_cancelled" // orders of Maker on Contract: all earlier ones, or those that Nonce or Below names
	Transferred       Kind = "transferred"
	CollectionCreated Kind = "collection_created"
	TokenMinted       Kind = "token_minted"
	Recorded          Kind = "recorded" // a record (gallery, exhibit, lottery…) was made or changed
	RecordRemoved     Kind = "record_removed"
	OrderChecked      Kind = "order_checked" // what contracts say of an order: Fact
	SignedRefused     Kind = "order_refused" // an order that was signed off chain is not taken in: Signed, Reason; it changes no order
	// ContractCreated: an event of Factory announced Contract, whose later logs the stream reads.
	ContractCreated Kind = "contract_created"
)

// Kinds are all kinds of market events.
func Kinds() []Kind {
	return []Kind{
		Listed, Delisted, Bought, OfferMade, OfferCancelled, OfferAccepted, OfferRejected, OfferAgreed, Matched, OrderChanged,
		OrdersCancelled, Transferred, CollectionCreated, TokenMinted, Recorded, RecordRemoved,
		OrderChecked, SignedRefused, ContractCreated,
	}
}

// Sale says whether events of the kind are sales. A sale is one event, however many orders
// it fills.
func (k Kind) Sale() bool { return k == Bought || k == OfferAccepted }

// Side is the side of the orders that events of the kind concern, unless they say
// otherwise; empty where it can be either.
func (k Kind) Side() Side {
	switch k {
	case Listed, Delisted, Bought:
		return Ask
	case OfferMade, OfferCancelled, OfferAccepted, OfferRejected, OfferAgreed:
		return Bid
	}
	return ""
}

// Side tells orders that sell (asks) from orders that buy (bids). The empty side is
// unknown.
type Side string

// The sides of an order.
const (
	Ask Side = "ask"
	Bid Side = "bid"
)

// Sides are both sides.
func Sides() []Side { return []Side{Ask, Bid} }

// The standards of tokens.
const (
	ERC721       = "ERC-721"
	ERC1155      = "ERC-1155"
	AptosObject  = "aptos-object" // digital assets, the token v2 standard
	AptosTokenV1 = "aptos-token-v1"
)

// Token identifies a token; without an ID, any token of the collection.
type Token struct {
	Collection string `json:"collection,omitempty" bson:"collection,omitempty"`
	ID         string `json:"id,omitempty" bson:"id,omitempty"`
	Standard   string `json:"standard,omitempty" bson:"standard,omitempty"`
	Name       string `json:"name,omitempty" bson:"name,omitempty"`
}

// Item is a number of units of one token.
type Item struct {
	Token    `bson:",inline"`
	Quantity Amount `json:"quantity" bson:"quantity"`
}

// Currency is what a price is in. An amount of 1500000 with 6 Decimals is 1.5.
type Currency struct {
	// Address is the token contract, or the coin type on Aptos; the zero address is
	// an EVM chain's own coin.
	Address  string `json:"address,omitempty" bson:"address,omitempty"`
	Symbol   string `json:"symbol,omitempty" bson:"symbol,omitempty"`
	Decimals int    `json:"decimals,omitempty" bson:"decimals,omitempty"`
}

// Event is one thing that happened on a market. It is immutable once decoded.
type Event struct {
	Kind     Kind     `json:"kind" bson:"kind"`
	Stream   string   `json:"stream" bson:"stream"`
	Seq      int64    `json:"seq" bson:"seq"` // within the stream
	Position Position `json:"position" bson:"position"`
	// Block is the block's hash on EVM chains, empty on Aptos.
	Block string `json:"block,omitempty" bson:"block,omitempty"`
	// Transaction is the transaction's hash.
	Transaction string    `json:"transaction" bson:"transaction"`
	Time        time.Time `json:"time" bson:"time"` // to the millisecond; never zero

	// Order is the key, within its market, of the one order that the event concerns.
	Order string `json:"order,omitempty" bson:"order,omitempty"`
	Side  Side   `json:"side,omitempty" bson:"side,omitempty"`
	Maker string `json:"maker,omitempty" bson:"maker,omitempty"` // who made the order
	Taker string `json:"taker,omitempty" bson:"taker,omitempty"` // who took it
	// From gave the token, To received it.
	From string `json:"from,omitempty" bson:"from,omitempty"`
	To   string `json:"to,omitempty" bson:"to,omitempty"`

	Token Token `json:"token,omitzero" bson:"token,omitempty"`
	// Quantity is how many units of Token were listed, asked for, or changed hands.
	Quantity Amount `json:"quantity,omitempty" bson:"quantity,omitempty"`
	// Bundle is every item, Token first, when there is more than one.
	Bundle []Item `json:"bundle,omitempty" bson:"bundle,omitempty"`
	// Partial says that the order may have other fills.
	Partial bool `json:"partial,omitempty" bson:"partial,omitempty"`

	// Price is the whole sum that the buyer pays, including fees.
	Price     Amount     `json:"price,omitempty" bson:"price,omitempty"`
	Currency  Currency   `json:"currency,omitzero" bson:"currency,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" bson:"expiresAt,omitempty"`
	// Contract is the market's contract that has the order. OrdersCancelled cancels only
	// orders of its Contract; orders of all contracts if it is empty.
	Contract string `json:"contract,omitempty" bson:"contract,omitempty"`
	// Nonce is the order's nonce: a number of the maker's that is valid for at most one fill,
	// and not after the maker has cancelled it. OrdersCancelled with a Nonce cancels the
	// orders that have it, and with Below those with a smaller one, also orders that are
	// listed later. With neither it cancels all earlier orders. If it has a Side it cancels
	// only orders of that side.
	Nonce Amount `json:"nonce,omitempty" bson:"nonce,omitempty"`
	Below Amount `json:"below,omitempty" bson:"below,omitempty"`
	// Fixed says that the order's terms are fixed by its key: an order that is listed again
	// is the same one, with its fills.
	Fixed bool `json:"fixed,omitempty" bson:"fixed,omitempty"`
	// Terms of the order; in a sale, Fees and Royalties are what was paid.
	Terms `bson:",inline"`

	// Factory is the name, in the market's definition, of what announced Contract in a
	// ContractCreated event.
	Factory string `json:"factory,omitempty" bson:"factory,omitempty"`

	// Fact is what an OrderChecked event says.
	Fact *Fact `json:"fact,omitempty" bson:"fact,omitempty"`
	// Signed is the document of the collection signed_orders that the event answers, by its
	// key; Reason is why a SignedRefused event refuses it.
	Signed string `json:"signed,omitempty" bson:"signed,omitempty"`
	Reason string `json:"reason,omitempty" bson:"reason,omitempty"`
	// Record is the change that a Recorded or RecordRemoved event makes.
	Record *RecordChange `json:"record,omitempty" bson:"record,omitempty"`
	// Raw is the raw event, if the stream keeps it (Stream.KeepRaw).
	Raw json.RawMessage `json:"raw,omitempty" bson:"raw,omitempty"`
}

// RecordChange is the fields of a record that an event sets. Other fields keep their
// values.
type RecordChange struct {
	Type   string         `json:"type" bson:"type"` // gallery, exhibit, lottery…
	Key    string         `json:"key" bson:"key"`   // within its market and type
	Fields map[string]any `json:"fields,omitempty" bson:"fields,omitempty"`
	// Add is what is added to fields that are integers, such as balances, as decimal strings
	// that may have a sign. A field that is missing or not an integer counts as 0.
	Add map[string]string `json:"add,omitempty" bson:"add,omitempty"`
}
