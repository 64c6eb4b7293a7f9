package markets

import "time"

// Terms are the conditions of an order beyond its token, quantity and price, as far as the
// market says them.
type Terms struct {
	// StartsAt is when the order can first be filled; nil if it always could.
	StartsAt *time.Time `json:"startsAt,omitempty" bson:"startsAt,omitempty"`
	// EndPrice is the price at ExpiresAt of an order whose price moves in a straight line
	// from Price at StartsAt; unknown if the price is fixed.
	EndPrice Amount `json:"endPrice,omitempty" bson:"endPrice,omitempty"`
	// Prices are the sums of each currency of an order that has several. Price is unknown
	// then.
	Prices []Money `json:"prices,omitempty" bson:"prices,omitempty"`
	// Fees and Royalties are the parts of the price that the maker of an ask, or the taker
	// of a bid, does not get. What is not said to be a royalty is a fee.
	Fees      []Payment `json:"fees,omitempty" bson:"fees,omitempty"`
	Royalties []Payment `json:"royalties,omitempty" bson:"royalties,omitempty"`
	// ReservedFor is the only address that may take the order.
	ReservedFor string `json:"reservedFor,omitempty" bson:"reservedFor,omitempty"`
	// Zone is the contract that must agree to each fill.
	Zone string `json:"zone,omitempty" bson:"zone,omitempty"`
	// Conduit is the key of the conduit that moves the maker's tokens; without one the
	// market's contract does.
	Conduit string `json:"conduit,omitempty" bson:"conduit,omitempty"`
	// Criteria is the root of the Merkle tree of the token IDs that a bid accepts. A bid
	// without Token.ID and Criteria accepts any token of the collection.
	Criteria string `json:"criteria,omitempty" bson:"criteria,omitempty"`
	// Parameters are those of a Seaport order, with which it can be filled. Signature is
	// needed for that too unless the order was validated on chain.
	Parameters *Parameters `json:"parameters,omitempty" bson:"parameters,omitempty"`
	Signature  string      `json:"signature,omitempty" bson:"signature,omitempty"` // hex
}

// Money is an amount of a currency.
type Money struct {
	Amount   Amount   `json:"amount" bson:"amount"`
	Currency Currency `json:"currency,omitzero" bson:"currency,omitempty"`
}

// Payment is an amount that somebody receives.
type Payment struct {
	Receiver string `json:"receiver" bson:"receiver"`
	Money    `bson:",inline"`
}

// Parameters are a Seaport order in the form of seaport-js (OrderComponents): integers as
// decimal strings, hashes and addresses in hex.
type Parameters struct {
	Offerer       string           `json:"offerer" bson:"offerer"`
	Zone          string           `json:"zone" bson:"zone"`
	Offer         []OfferedItem    `json:"offer" bson:"offer"`
	Consideration []ConsideredItem `json:"consideration" bson:"consideration"`
	OrderType     int              `json:"orderType" bson:"orderType"`
	StartTime     Amount           `json:"startTime" bson:"startTime"` // seconds since 1970
	EndTime       Amount           `json:"endTime" bson:"endTime"`     // seconds since 1970
	ZoneHash      string           `json:"zoneHash" bson:"zoneHash"`
	Salt          Amount           `json:"salt" bson:"salt"`
	ConduitKey    string           `json:"conduitKey" bson:"conduitKey"`
	// Counter is unknown if only the order's log was seen, which does not have it.
	Counter  Amount `json:"counter,omitempty" bson:"counter,omitempty"`
	Required int    `json:"totalOriginalConsiderationItems" bson:"totalOriginalConsiderationItems"`
}

// OfferedItem is an item that a Seaport order offers. Amounts move in a straight line from
// start to end of the order.
type OfferedItem struct {
	Type        int    `json:"itemType" bson:"itemType"` // 0 coin, 1 ERC-20, 2 ERC-721, 3 ERC-1155, 4 and 5 the same with criteria
	Token       string `json:"token" bson:"token"`
	Identifier  Amount `json:"identifierOrCriteria" bson:"identifierOrCriteria"`
	StartAmount Amount `json:"startAmount" bson:"startAmount"`
	EndAmount   Amount `json:"endAmount" bson:"endAmount"`
}

// ConsideredItem is an item that a Seaport order asks for, on behalf of a recipient.
type ConsideredItem struct {
	OfferedItem `bson:",inline"`
	Recipient   string `json:"recipient" bson:"recipient"`
}
