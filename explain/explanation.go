package explain

import (
	"encoding/json"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Explanation is the history of an order. Its JSON form is documented in docs/explain.md.
type Explanation struct {
	ID     string `json:"_id"` // chain/market/key, as in the collection orders
	Chain  string `json:"chain"`
	Market string `json:"market"`
	Key    string `json:"key"`
	// Unit is the unit of heights: block, or version on Aptos.
	Unit string `json:"unit"`
	// At is the point as of which the order is explained; nil for its current state.
	At *At `json:"at,omitempty"`
	// Order is the order after the last step; nil if it does not exist at that point.
	Order *markets.Order `json:"order,omitempty"`
	// Final reports whether no reorganisation can change the stored order.
	Final   bool    `json:"final"`
	Verdict Verdict `json:"verdict"`
	// Steps are the events of the log that the order reflects, by position.
	Steps []Step `json:"steps"`
	// Later is the number of the order's events after At.
	Later int `json:"later,omitempty"`
	// Waiting are the events of the log that the order does not reflect yet.
	Waiting []Waiting `json:"waiting,omitempty"`
	// Signed are the documents of signed_orders with which the order was submitted.
	Signed []Signed `json:"signed,omitempty"`
	// Streams are the market's streams and their progress.
	Streams []Stream `json:"streams"`
	// Differences are the fields in which the stored document differs from the fold of its
	// events: From is the stored value, To the folded one. A difference is always a fault.
	Differences []Change `json:"differences,omitempty"`
}

// At is a point of the chain: the end of a block or ledger version, or the last event at or
// before a time.
type At struct {
	Height *int64     `json:"height,omitempty"`
	Time   *time.Time `json:"time,omitempty"`
}

// Step is an event and its effect on the order.
type Step struct {
	Activity string        `json:"activity"` // its _id
	Event    markets.Event `json:"event"`    // without Raw
	// Final reports whether no reorganisation can remove the event.
	Final bool `json:"final"`
	// Anomaly reports whether the event made no sense in the order's state, and Concerns
	// whether it concerned the order at all. Ignored is why the event, or a part of it, was
	// ignored.
	Anomaly  bool            `json:"anomaly,omitempty"`
	Concerns bool            `json:"concerns"`
	Ignored  markets.Ignored `json:"ignored,omitempty"`
	// By is the earlier cancellation of the order's nonce that took effect with the event.
	By *Cause `json:"by,omitempty"`
	// Changes are the changes of the order's fields.
	Changes []Change `json:"changes,omitempty"`
}

// Cause is an earlier event.
type Cause struct {
	Position    markets.Position `json:"position"`
	Transaction string           `json:"transaction"`
}

// Change is the change of one field of a document. A missing value means that the document
// does not have the field.
type Change struct {
	Field string          `json:"field"`
	From  json.RawMessage `json:"from,omitempty"`
	To    json.RawMessage `json:"to,omitempty"`
}

// Waiting is an event of the log that the order does not reflect, and why.
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

// Stream is the progress of a stream of the order's market: the heights of its log and of
// its orders. They are block numbers, or ledger versions on Aptos; nil if unknown.
type Stream struct {
	Name   string `json:"name"`
	Log    *int64 `json:"log,omitempty"`
	Orders *int64 `json:"orders,omitempty"`
}

// Verdict says whether the order can be filled, and why.
type Verdict struct {
	Answer  markets.Answer `json:"answer"`
	Because []string       `json:"because"`
}
