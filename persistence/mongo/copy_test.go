package mongo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/storetest"
)

func openCopy(t testing.TB, uri string) *mongo.Store {
	t.Helper()
	store, err := mongo.OpenCopy(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // some tests close it themselves
	return store
}

func TestCopy(t *testing.T) {
	thorough.Only(t)
	storetest.RunCopy(t, func(t testing.TB) storetest.Copyable { return openCopy(t, mongotest.Database(t)) })
}

// An unfinished copy cannot be opened for writing until it is complete.
func TestUnfinishedCopy(t *testing.T) {
	uri := mongotest.Database(t)
	at := persistence.Copying{Source: "data folder there", Owner: "me", Collection: persistence.Orders}
	store := openCopy(t, uri)
	if err := store.Import(t.Context(), "", &at, nil); err != nil {
		t.Fatal(err)
	}
	_, err := mongo.Open(t.Context(), uri)
	if !errors.Is(err, persistence.ErrUnfinishedCopy) || !strings.Contains(err.Error(), mongotest.Name(uri)) || !strings.Contains(err.Error(), "copy of data folder there: finish it") {
		t.Fatalf("a writer gets: %v", err)
	}
	reader, err := mongo.OpenReader(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := store.Import(t.Context(), "me", nil, nil); err != nil {
		t.Fatal(err)
	}
	if store, err = mongo.Open(t.Context(), uri); err != nil {
		t.Fatal(err)
	}
	_ = store.Close()
}

// A copy contains no nodes and removes none.
func TestCopyLeavesNodesAlone(t *testing.T) {
	store := openCopy(t, mongotest.Database(t))
	join(t, store, "a")
	if slices.Contains(persistence.Copied, persistence.Nodes) {
		t.Error("nodes are copied")
	}
	at := persistence.Copying{Owner: "me", Collection: persistence.Orders}
	if err := errors.Join(store.Import(t.Context(), "", &at, nil), store.Clear(t.Context())); err != nil {
		t.Fatal(err)
	}
	if n := node(t, store, "a"); !n.Living() {
		t.Errorf("the node's state is %s", n.State)
	}
	nodes := at
	nodes.Collection = persistence.Nodes
	if err := store.Import(t.Context(), "me", &nodes, []json.RawMessage{json.RawMessage(`{"_id":"b"}`)}); err == nil {
		t.Error("a node was copied")
	}
}

// Documents that MongoDB would change or reject are refused by name.
func TestWhatCannotBeStoredExactly(t *testing.T) {
	store := openCopy(t, mongotest.Database(t))
	at := persistence.Copying{Owner: "me", Collection: persistence.Leases}
	if err := store.Import(t.Context(), "", &at, nil); err != nil {
		t.Fatal(err)
	}
	for _, doc := range []string{
		`{"_id":"ethereum","node":"n","epoch":1,"takenAt":"2024-01-01T00:00:00.0005Z"}`, // dates have milliseconds
		`{"_id":"ethereum","node":"n","epoch":9223372036854775808,"takenAt":"2024-01-01T00:00:00Z"}`,
	} {
		if err := store.Import(t.Context(), "me", &at, []json.RawMessage{json.RawMessage(doc)}); err == nil || !strings.Contains(err.Error(), `leases: document "ethereum" cannot be copied`) {
			t.Errorf("%s: %v", doc, err)
		}
	}
	orders := at
	orders.Collection = persistence.Orders
	unknown := `{"_id":"c/m/k","chain":"c","market":"m","key":"k","status":"SHIPPED","first":{"height":1,"tx":0,"log":0,"sub":0},"last":{"height":1,"tx":0,"log":0,"sub":0}}`
	if err := store.Import(t.Context(), "me", &orders, []json.RawMessage{json.RawMessage(unknown)}); err == nil || !strings.Contains(err.Error(), `orders: document "c/m/k" cannot be copied`) {
		t.Errorf("the validator's refusal: %v", err)
	}
}

// answerTimeout is the client timeout of a store behind a proxy.
const answerTimeout = 700 * time.Millisecond

// behindProxy returns an empty store with an unfinished copy, behind a proxy.
func behindProxy(t *testing.T) (*mongo.Store, *mongotest.Proxy, persistence.Copying) {
	t.Helper()
	uri := mongotest.Database(t)
	host := options.Client().ApplyURI(uri).Hosts[0]
	proxy := mongotest.NewProxy(t, host)
	store := openCopy(t, fmt.Sprintf("%s&directConnection=true&timeoutMS=%d", strings.Replace(uri, host, proxy.Addr(), 1), answerTimeout.Milliseconds()))
	at := persistence.Copying{Owner: "me", Collection: persistence.Orders}
	if err := store.Import(t.Context(), "", &at, nil); err != nil {
		t.Fatal(err)
	}
	return store, proxy, at
}

// heal restores a proxy once a trap was triggered and the client has timed out.
func heal(proxy *mongotest.Proxy, sprung <-chan struct{}) {
	<-sprung
	time.Sleep(answerTimeout + answerTimeout/2)
	proxy.Pass()
}

// orderDocument returns an order as Query yields it.
func orderDocument(t *testing.T, key string) json.RawMessage {
	t.Helper()
	o := markets.Order{Chain: "c", Market: "m", Key: key, Status: markets.Listing}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(fmt.Sprintf(`{"_id":%q,%s`, o.ID(), text[1:]))
}

// A batch whose commit is not answered is written once, whether the commit was applied
// or not.
func TestImportWithoutAnswer(t *testing.T) {
	t.Parallel()
	store, proxy, at := behindProxy(t)
	batch := func(key string) {
		to := at
		to.After = key
		if err := store.Import(t.Context(), "me", &to, []json.RawMessage{orderDocument(t, key)}); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		at = to
	}
	held := proxy.Hold("commitTransaction")
	batch("held up")
	<-held
	go heal(proxy, proxy.HoleAfter("commitTransaction"))
	batch("without an answer")
	if n, err := store.Count(t.Context(), persistence.Orders); err != nil || n != 2 {
		t.Errorf("%d orders, error %v", n, err)
	}
	if got, err := store.Copying(t.Context()); err != nil || *got != at {
		t.Errorf("the copy is at %+v, error %v", got, err)
	}
}

// A reader of documents continues when the server is back.
func TestBatchWithoutAnswer(t *testing.T) {
	t.Parallel()
	store, proxy, at := behindProxy(t)
	docs := []json.RawMessage{orderDocument(t, "a"), orderDocument(t, "b")}
	if err := store.Import(t.Context(), "me", &at, docs); err != nil {
		t.Fatal(err)
	}
	go heal(proxy, proxy.HoleBefore("find"))
	got, last, err := store.Batch(t.Context(), persistence.Orders, "", 10)
	if err != nil || last != "c/m/b" || len(got) != 2 {
		t.Errorf("%s, the last at %q, error %v", got, last, err)
	}
}
