package explain

import (
	"encoding/json"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Explanation is an order's life. Its JSON form is documented in docs/explain.md.
type Explanation struct {
	ID     string `json:"_id"` // chain/market/key, as in the collection orders
	Chain  string `json:"chain"`
	Market string `json:"market"`
	Key    string `json:"key"`
	// Unit is what heights are of: block, or version on Aptos.
	Unit string `json:"unit"`
	// At is the point as of which the order is told; nil if it is told as it is.
	At *At `json:"at,omitempty"`
	// Order is what the steps make of it; nil if the order does not exist, or did not then.
	Order *markets.Order `json:"order,omitempty"`
	// Final is whether no reorganisation can change the order as it is.
	Final   bool    `json:"final"`
	Verdict Verdict `json:"verdict"`
	// Steps are the events of the log that the order has taken in, by position.
	Steps []Step `json:"steps"`
	// Later is how many events come after At.
	Later int `json:"later,omitempty"`
	// Waiting are the events of the log that the order has not taken in yet.
	Waiting []Waiting `json:"waiting,omitempty"`
	// Signed are the documents of signed_orders by which the order was handed in.
	Signed []Signed `json:"signed,omitempty"`
	// Streams are how far the market's streams are.
	Streams []Stream `json:"streams"`
	// Differences are the fields in which the stored document differs from what all of its
	// events make: From is as stored, To as folded. There are none unless something is wrong.
	Differences []Change `json:"differences,omitempty"`
}

// At is a point of the chain: the end of a block or ledger version, or the last event at or
// before a time.
type At struct {
	Height *int64     `json:"height,omitempty"`
	Time   *time.Time `json:"time,omitempty"`
}

// Step is an event and what it did to the order.
type Step struct {
	Activity string        `json:"activity"` // its _id
	Event    markets.Event `json:"event"`    // without Raw
	// Final is whether no reorganisation can take the event back.
	Final bool `json:"final"`
	// Anomaly is whether the event made no sense in the order's state, Concerns whether it
	// concerned the order at all, and Ignored why it was ignored, or a part of it.
	Anomaly  bool            `json:"anomaly,omitempty"`
	Concerns bool            `json:"concerns"`
	Ignored  markets.Ignored `json:"ignored,omitempty"`
	// By is the earlier cancellation of the order's nonce that took effect with the event.
	By *Cause `json:"by,omitempty"`
	// Changes are what became of the order's fields, by name.
	Changes []Change `json:"changes,omitempty"`
}

// Cause is an earlier event.
type Cause struct {
	Position    markets.Position `json:"position"`
	Transaction string           `json:"transaction"`
}

// Change is that of one field of the order's document. A value that is missing is that of a
// field that the document did not have, or no longer has.
type Change struct {
	Field string          `json:"field"`
	From  json.RawMessage `json:"from,omitempty"`
	To    json.RawMessage `json:"to,omitempty"`
}

// Waiting is an event of the log that the order has not taken in.
type Waiting struct {
	Activity string        `json:"activity"`
	Event    markets.Event `json:"event"`
	Final    bool          `json:"final"`
	Reason   string        `json:"reason"`
}

// Signed is a document of signed_orders, without the order itself.
type Signed struct {
	ID       json.RawMessage `json:"_id"`
	Contract string          `json:"contract,omitempty"`
	persistence.SignedAnswer
}

// Stream is how far a stream of the order's market is: its log, and the orders made of it.
// Heights are block numbers, or ledger versions on Aptos; nil if nothing is known.
type Stream struct {
	Name   string `json:"name"`
	Log    *int64 `json:"log,omitempty"`
	Orders *int64 `json:"orders,omitempty"`
}

// Verdict is whether the order can be filled, and why.
type Verdict struct {
	Answer  markets.Answer `json:"answer"`
	Because []string       `json:"because"`
}
