package mongo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/transfer"
)

var seaport = persistence.MarketRef{Chain: "ethereum", Market: "seaport"}

// signedOrders is the collection as a market's backend has it.
func signedOrders(t *testing.T, uri string) *driver.Collection {
	t.Helper()
	client, err := driver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	return client.Database(mongotest.Name(uri)).Collection(persistence.SignedOrders)
}

func pendingOf(t *testing.T, store *mongo.Store) []persistence.PendingOrder {
	t.Helper()
	found, err := store.PendingSigned(t.Context(), seaport, 100)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A backend's documents, whatever their keys and parameters are, are read as they are,
// answered, and pending again after a rollback; and copies hold them.
func TestSignedOrdersOfABackend(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	store := openAt(t, uri)
	backend := signedOrders(t, uri)
	long, err := bson.ParseDecimal128("12345678901234567890")
	if err != nil {
		t.Fatal(err)
	}
	object, _ := bson.ObjectIDFromHex("65f0c0ffee65f0c0ffee65f0")
	for _, doc := range []bson.D{
		{},
		{{Key: "parameters", Value: bson.D{{Key: "salt", Value: "0x1"}, {Key: "startTime", Value: int32(5)}, {Key: "endTime", Value: 1.7e9}}}, {Key: "signature", Value: "0x"}},
		{{Key: "_id", Value: object}, {Key: "parameters", Value: bson.D{{Key: "counter", Value: 1.5e19}}}},
		{{Key: "_id", Value: object.Hex()}, {Key: "parameters", Value: bson.D{{Key: "counter", Value: long}}}},
		{{Key: "_id", Value: "bson:07"}, {Key: "parameters", Value: bson.A{time.Unix(0, 0), nil, bson.Binary{Data: []byte{1}}}}},
		{{Key: "_id", Value: int32(7)}, {Key: "parameters", Value: `{"offerer":1e400}`}},
		{{Key: "_id", Value: bson.D{{Key: "a", Value: 1.5}}}, {Key: "parameters", Value: "not JSON"}},
		{{Key: "_id", Value: ""}, {Key: "contract", Value: "nonsense"}, {Key: "state", Value: persistence.SignedPending}},
		{{Key: "_id", Value: bson.Null{}}, {Key: "order", Value: "mine"}, {Key: "reason", Value: "mine"}},
	} {
		if _, err := backend.InsertOne(t.Context(), append(bson.D{{Key: "chain", Value: "ethereum"}, {Key: "market", Value: "seaport"}}, doc...)); err != nil {
			t.Fatal(doc, err)
		}
	}
	texts := map[string]bool{}
	before := pendingOf(t, store)
	for _, p := range before {
		texts[strings.TrimPrefix(string(p.Text), `{"chain":"ethereum","market":"seaport"`)] = true
	}
	for _, want := range []string{
		`}`, `,"parameters":{"salt":"0x1","startTime":5,"endTime":1700000000},"signature":"0x"}`,
		`,"parameters":{"counter":1.5e+19}}`, `,"parameters":{"counter":{"$numberDecimal":"12345678901234567890"}}}`,
		`,"parameters":["1970-01-01T00:00:00Z",null,{"$binary":{"base64":"AQ==","subType":"00"}}]}`,
		`,"parameters":{"offerer":1e400}}`, `,"parameters":"not JSON"}`, `,"contract":"nonsense"}`,
	} {
		if !texts[want] {
			t.Errorf("no pending order has %s: %v", want, texts)
		}
	}
	if len(before) != 9 {
		t.Fatalf("%d pending", len(before))
	}
	var events []markets.Activity
	for i, p := range before {
		e := markets.Event{
			Kind: markets.SignedRefused, Stream: "state", Seq: int64(i + 1), Position: markets.Position{Height: int64(i + 1)}, Time: time.Unix(5, 0).UTC(),
			Signed: p.ID, Reason: fmt.Sprint("reason ", i),
		}
		events = append(events, markets.Activity{Chain: "ethereum", Market: "seaport", Event: e})
	}
	within := func(do func(tx persistence.Tx) error) {
		t.Helper()
		if err := store.Commit(t.Context(), seaport, nil, do); err != nil {
			t.Fatal(err)
		}
	}
	within(func(tx persistence.Tx) error { return tx.Append(events, nil) })
	if left := pendingOf(t, store); len(left) != 0 {
		t.Fatalf("%d have no answer: %v", len(left), left)
	}
	var answered []struct{ State, Reason string }
	for doc, err := range store.Query(t.Context(), persistence.Query{Collection: persistence.SignedOrders}) {
		var a struct{ State, Reason string }
		if err = errors.Join(err, json.Unmarshal(doc, &a)); err != nil || a.State != persistence.SignedRejected || !strings.HasPrefix(a.Reason, "reason ") {
			t.Errorf("%s, error %v", doc, err)
		}
		answered = append(answered, a)
	}
	for _, p := range before { // by the text of its key
		filter, err := documents.ParseFilter(persistence.SignedOrders, fmt.Sprintf(`{_id: %q}`, p.ID))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range store.Query(t.Context(), persistence.Query{Collection: persistence.SignedOrders, Filter: filter}) {
			n++
		}
		if n != 1 {
			t.Errorf("%d documents with _id %s", n, p.ID)
		}
	}
	source := openAt(t, uri)
	to := openCopy(t, mongotest.Database(t))
	c := transfer.Copy{Source: "there", From: source, To: to, Report: func(transfer.Progress) {}}
	if _, err := c.Run(t.Context()); err != nil {
		t.Errorf("copying: %v", err)
	}
	if n, err := to.Count(t.Context(), persistence.SignedOrders); n != 9 || err != nil {
		t.Errorf("%d copied, error %v", n, err)
	}
	within(func(tx persistence.Tx) error {
		_, _, err := tx.Truncate("state", 0, 100)
		return err
	})
	if after := pendingOf(t, store); len(after) != len(answered) || string(after[0].Text) != string(before[0].Text) {
		t.Errorf("after a rollback %d are pending, of %d", len(after), len(answered))
	}
}

// What cannot be answered is refused when it is inserted.
func TestSignedOrdersWithoutAMarket(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	openAt(t, uri)
	backend := signedOrders(t, uri)
	for _, doc := range []bson.D{
		{},
		{{Key: "chain", Value: "ethereum"}},
		{{Key: "chain", Value: "ethereum"}, {Key: "market", Value: 5}},
		{{Key: "chain", Value: "ethereum"}, {Key: "market", Value: "seaport"}, {Key: "state", Value: "open"}},
		{{Key: "chain", Value: "ethereum"}, {Key: "market", Value: "seaport"}, {Key: "signatur", Value: "0x"}},
	} {
		if _, err := backend.InsertOne(t.Context(), doc); err == nil {
			t.Errorf("%v is accepted", doc)
		}
	}
}

// A document that was inserted before there was a validator, and would be refused by it,
// is answered all the same: it must not stop the stream.
func TestSignedOrdersOfBefore(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	backend := signedOrders(t, uri)
	doc := bson.D{{Key: "chain", Value: "ethereum"}, {Key: "market", Value: "seaport"}, {Key: "signature", Value: 5}, {Key: "mine", Value: true}}
	if _, err := backend.InsertOne(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	store := openAt(t, uri)
	pending := pendingOf(t, store)
	if len(pending) != 1 || !strings.HasSuffix(string(pending[0].Text), `,"signature":5}`) {
		t.Fatalf("%v", pending)
	}
	e := markets.Event{Kind: markets.SignedRefused, Stream: "state", Seq: 1, Time: time.Unix(5, 0).UTC(), Signed: pending[0].ID, Reason: "signature"}
	err := store.Commit(t.Context(), seaport, nil, func(tx persistence.Tx) error {
		return tx.Append([]markets.Activity{{Chain: "ethereum", Market: "seaport", Event: e}}, nil)
	})
	if err != nil || len(pendingOf(t, store)) != 0 {
		t.Errorf("%d pending, error %v", len(pendingOf(t, store)), err)
	}
}
