package persistence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/imart/event-worker/markets"
)

// SignedOrder is the document of an order that was signed off chain. A market's backend
// inserts it, or InsertSigned; the worker answers it with an event whose Signed is its key.
//
//	pending ──an event is appended──▶ accepted or rejected
//	   ▲──────that event is truncated──────┘
//
// The answer is written in the transaction that appends the event, and withdrawn in the one
// that removes it.
type SignedOrder struct {
	Chain    string `json:"chain" bson:"chain"`
	Market   string `json:"market" bson:"market"`
	Contract string `json:"contract,omitempty" bson:"contract,omitempty"`
	// Parameters and Signature are in the form of seaport-js.
	Parameters json.RawMessage `json:"parameters,omitempty" bson:"parameters,omitempty"`
	Signature  string          `json:"signature,omitempty" bson:"signature,omitempty"`
	// Hash is the order's hash, where the inserter has computed it.
	Hash         string `json:"hash,omitempty" bson:"hash,omitempty"`
	SignedAnswer `bson:",inline"`
}

// SignedAnswer is the answer to a signed order.
type SignedAnswer struct {
	State     string            `json:"state,omitempty" bson:"state,omitempty"` // pending if missing
	Order     string            `json:"order,omitempty" bson:"order,omitempty"` // its key, once it is accepted
	Reason    string            `json:"reason,omitempty" bson:"reason,omitempty"`
	Position  *markets.Position `json:"position,omitempty" bson:"position,omitempty"`
	CheckedAt *time.Time        `json:"checkedAt,omitempty" bson:"checkedAt,omitempty"`
}

// The states of a signed order.
const (
	SignedPending  = "pending"
	SignedAccepted = "accepted"
	SignedRejected = "rejected"
)

// AnswerOf is the answer that an event with Signed gives.
func AnswerOf(e markets.Event) SignedAnswer {
	a := SignedAnswer{State: SignedAccepted, Order: e.Order, Position: &e.Position, CheckedAt: &e.Time}
	if e.Kind == markets.SignedRefused {
		a.State, a.Reason = SignedRejected, e.Reason
	}
	return a
}

// PendingOrder is a signed order that has no answer yet.
type PendingOrder struct {
	// ID is the document's key as text, for Event.Signed.
	ID string
	// Text is a JSON object of the document's chain, market, contract, parameters and
	// signature, as they were inserted: whatever that is.
	Text json.RawMessage
}

// SignedOrderStore keeps the orders that were signed off chain. Both stores are one.
type SignedOrderStore interface {
	// PendingSigned returns up to limit of a market's signed orders without an answer,
	// in a stable order, and about BatchBytes of them.
	PendingSigned(ctx context.Context, market MarketRef, limit int) ([]PendingOrder, error)
	// InsertSigned adds signed orders, pending, except those that are known: with the
	// same content, whatever their state; or the same order (Hash, contract) unless it
	// was rejected. It returns how many it has added.
	InsertSigned(ctx context.Context, orders []SignedOrder) (inserted int, err error)
}

// ContentID is the key of an imported order: a digest of all that was submitted.
func (o SignedOrder) ContentID() string {
	h := sha256.New()
	for _, part := range []string{o.Chain, o.Market, o.Contract, string(o.Parameters), o.Signature} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// IsOf says whether the document is of the order with a key, whatever its answer.
func (o SignedOrder) IsOf(key string) bool {
	hash, contract, _ := strings.Cut(key, "@")
	return o.Order == key || o.Hash != "" && o.Hash == hash && (o.Contract == "" || strings.EqualFold(o.Contract, contract))
}

// OrderKey is the key that the order will have, if its hash and contract are known.
func (o SignedOrder) OrderKey() (key string, known bool) {
	return o.Hash + "@" + o.Contract, o.Hash != "" && o.Contract != ""
}
