package documents

import (
	"bytes"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// The documents of the collections. Fields that are not in their JSON form are
// MongoDB's own.
type (
	// Order is the current state of a listing or an offer.
	Order struct {
		ID            string `json:"_id" bson:"_id"` // chain/market/key
		markets.Order `bson:",inline"`
		PriceSort     SortForm `json:"-" bson:"priceSort,omitempty"`
		EndPriceSort  SortForm `json:"-" bson:"endPriceSort,omitempty"`
		UnitPriceSort SortForm `json:"-" bson:"unitPriceSort,omitempty"`
		RemainingSort SortForm `json:"-" bson:"remainingSort,omitempty"`
	}

	// Activity is one thing that happened on a market: an entry of the log.
	Activity struct {
		ID               string `json:"_id" bson:"_id"` // markets.Activity.ID
		markets.Activity `bson:",inline"`
		// Concerns is the event's key (markets.Event.Key) where that is no order's.
		Concerns  string   `json:"-" bson:"concerns,omitempty"`
		PriceSort SortForm `json:"-" bson:"priceSort,omitempty"`
	}

	// Record is what a market keeps beside its orders.
	Record struct {
		ID             string `json:"_id" bson:"_id"` // chain/market/type:key
		markets.Record `bson:",inline"`
	}

	// DeadLetter is an event that could not be decoded.
	DeadLetter struct {
		ID                 string `json:"_id" bson:"_id"` // markets.DeadLetter.ID
		markets.DeadLetter `bson:",inline"`
	}

	// Actor says where an actor stands and how it is.
	Actor struct {
		persistence.Actor `bson:",inline"`
		// Commit names the commit that moved the actor last, so that a writer that lost
		// the answer can tell whether its commit landed.
		Commit *bson.ObjectID `json:"-" bson:"commit,omitempty"`
	}

	// Lease names the owner of a chain.
	Lease struct {
		persistence.Lease `bson:",inline"`
		// App is the name of the owner's connections on the server.
		App string `json:"-" bson:"app"`
		// Former are the connection names of previous owners, whose open transactions may
		// block the next one: the last owner's, and those that blocked a take-over that
		// has not completed.
		Former []string `json:"-" bson:"former,omitempty"`
		// Claims counts the actors' documents that were made, and the requests that were
		// started and ended, under the lease: each must conflict with a take-over.
		Claims int64 `json:"-" bson:"claims"`
	}

	// Node is a process in the cluster.
	Node = persistence.Node

	// Request is something that was asked of a chain's owner.
	Request = persistence.Request

	// SignedOrder is an order that was signed off chain, and its answer.
	SignedOrder struct {
		ID                      DocumentID `json:"_id" bson:"_id"`
		persistence.SignedOrder `bson:",inline"`
	}

	// KnownCurrency is what a chain said of a currency.
	KnownCurrency = persistence.KnownCurrency
	// Metadata is what was found at a URI.
	Metadata = persistence.Metadata
	// Audit is the progress of a chain's current audit, and the result of the last one.
	Audit = persistence.Audit

	// Hook is a webhook.
	Hook = persistence.Hook
	// DeadHook is a delivery of a webhook that was given up.
	DeadHook = persistence.DeadHook

	// Notification tells a user of a market of an activity that concerns them: one
	// document for each receiver and activity.
	Notification struct {
		ID                   string `json:"_id" bson:"_id"` // the activity's, a slash, and the receiver
		markets.Notification `bson:",inline"`
		PriceSort            SortForm `json:"-" bson:"priceSort,omitempty"`
	}
)

// SortForm is an amount's form that sorts as the amounts do: 32 bytes, big-endian.
// It is nil for an unknown amount. Shorter bounds match wrongly, so make them with
// SortFormOf.
type SortForm []byte

// SortFormOf is the sort form of an amount.
func SortFormOf(a markets.Amount) SortForm {
	if !a.Known() {
		return nil
	}
	form := a.BigEndian()
	return form[:]
}

// OfOrder is an order's document.
func OfOrder(o markets.Order) Order {
	return Order{
		ID: o.ID(), Order: o, PriceSort: SortFormOf(o.Price), EndPriceSort: SortFormOf(o.EndPrice),
		UnitPriceSort: SortFormOf(o.UnitPrice), RemainingSort: SortFormOf(o.Remaining),
	}
}

// OfActivity is an activity's document.
func OfActivity(a markets.Activity) Activity {
	doc := Activity{ID: a.ID(), Activity: a, PriceSort: SortFormOf(a.Price)}
	if a.Order == "" {
		doc.Concerns = a.Key()
	}
	return doc
}

// OfRecord is a record's document.
func OfRecord(r markets.Record) Record { return Record{ID: r.ID(), Record: r} }

// OfNotification is a notification's document.
func OfNotification(n markets.Notification) Notification {
	return Notification{ID: n.ID(), Notification: n, PriceSort: SortFormOf(n.Price)}
}

// OfDeadLetter is a dead letter's document.
func OfDeadLetter(d markets.DeadLetter) DeadLetter { return DeadLetter{ID: d.ID(), DeadLetter: d} }

// Marshal encodes a document as a client does that has Registry and leaves empty
// structs out.
func Marshal(registry *bson.Registry, doc any) (bson.Raw, error) {
	var out bytes.Buffer
	e := bson.NewEncoder(bson.NewDocumentWriter(&out))
	e.SetRegistry(registry)
	e.OmitZeroStruct()
	if err := e.Encode(doc); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
