package mongo_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/mongo"
)

// join creates a node with an ID.
func join(t *testing.T, store *mongo.Store, id string) {
	t.Helper()
	node := persistence.Node{ID: id, Name: id, Version: "v1", Protocol: 1, Heartbeat: heartbeat()}
	if err := store.Join(t.Context(), node); err != nil {
		t.Fatal(err)
	}
}

// wrongClock is the clock of these tests' nodes, which differs from every other clock.
var wrongClock = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)

func heartbeat() persistence.Heartbeat { return persistence.Heartbeat{Clock: wrongClock} }

// node returns a node's document.
func node(t *testing.T, store *mongo.Store, id string) persistence.Node {
	t.Helper()
	nodes, _, err := store.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if n.ID == id {
			return n
		}
	}
	t.Fatalf("no node %s", id)
	return persistence.Node{}
}

// A node's document is what the node reported, with the times of the server's clock.
func TestJoin(t *testing.T) {
	t.Parallel()
	store := openAt(t, mongotest.Database(t))
	joining := persistence.Node{
		ID: "worker-1.x", Name: "worker-1", State: persistence.Dead, Heartbeats: 7, Version: "v1", Protocol: 3,
		Chains: []persistence.NodeChain{{Name: "aptos", Network: "aptos 1", Config: "c"}}, Heartbeat: heartbeat(),
		JoinedAt: wrongClock, SeenAt: wrongClock, EndedAt: &wrongClock,
	}
	if err := store.Join(t.Context(), joining); err != nil {
		t.Fatal(err)
	}
	got := node(t, store, joining.ID)
	if got.JoinedAt.Before(wrongClock.AddDate(1, 0, 0)) || got.SeenAt != got.JoinedAt {
		t.Errorf("joined at %v, seen at %v", got.JoinedAt, got.SeenAt)
	}
	want := joining
	want.State, want.Heartbeats, want.JoinedAt, want.SeenAt, want.EndedAt = persistence.Up, 1, got.JoinedAt, got.SeenAt, nil
	if asJSON(t, got) != asJSON(t, want) {
		t.Errorf("joined as %s\nwant %s", asJSON(t, got), asJSON(t, want))
	}
	if err := store.Join(t.Context(), joining); err == nil {
		t.Error("it has joined twice")
	}
	if again := node(t, store, joining.ID); asJSON(t, again) != asJSON(t, got) {
		t.Errorf("then it is %s", asJSON(t, again))
	}
	for doc, err := range store.Query(t.Context(), persistence.Query{Collection: persistence.Nodes}) {
		if err != nil || string(doc) != asJSON(t, got) {
			t.Errorf("queried: %s, %v", doc, err)
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A node that has ended stays ended, and ends once.
func TestNodesEnd(t *testing.T) {
	t.Parallel()
	store := openAt(t, mongotest.Database(t))
	join(t, store, "left")
	join(t, store, "dead")
	if _, err := store.Heartbeat(t.Context(), "dead", heartbeat()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		id   string
		beat int64
		want bool
	}{{"dead", 1, false}, {"dead", 3, false}, {"dead", 2, true}, {"dead", 2, false}, {"unknown", 1, false}} {
		if dead, err := store.DeclareDead(t.Context(), test.id, test.beat); err != nil || dead != test.want {
			t.Errorf("declared %s dead at heartbeat %d: %v, %v", test.id, test.beat, dead, err)
		}
	}
	for range 2 {
		for _, id := range []string{"left", "dead", "unknown"} {
			if err := store.Leave(t.Context(), id); err != nil {
				t.Errorf("%s leaves: %v", id, err)
			}
		}
	}
	if dead, err := store.DeclareDead(t.Context(), "left", 1); err != nil || dead {
		t.Errorf("declared dead a node that left: %v, %v", dead, err)
	}
	for id, beats := range map[string]int64{"left": 1, "dead": 2} {
		before := node(t, store, id)
		if _, err := store.Heartbeat(t.Context(), id, persistence.Heartbeat{Clock: wrongClock, Leaving: true}); !errors.Is(err, persistence.ErrDeclaredDead) {
			t.Errorf("%s beats: %v", id, err)
		}
		for _, wish := range []bool{true, false} {
			if _, started := drain(t, store, id, wish); started {
				t.Errorf("%s drains: %v", id, wish)
			}
		}
		n := node(t, store, id)
		if n.State != id || n.Living() || n.Heartbeats != beats || n.EndedAt == nil || n.EndedAt.Before(n.JoinedAt) || asJSON(t, n) != asJSON(t, before) {
			t.Errorf("%s is %+v, was %+v", id, n, before)
		}
	}
}

// The server removes nodes an hour after their end, and no others.
func TestEndedNodesAreRemoved(t *testing.T) {
	t.Parallel()
	server := mongotest.Start(t)
	uri := database(t, server)
	store, db := openAt(t, uri), admin(t, uri)
	for _, id := range []string{"old", "older", "recent", "living"} {
		join(t, store, id)
		if id != "living" {
			if err := store.Leave(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
	past := func(ago time.Duration, fields ...string) bson.D {
		var set bson.D
		for _, field := range fields {
			set = append(set, bson.E{Key: field, Value: time.Now().Add(-ago)})
		}
		return bson.D{{Key: "$set", Value: set}}
	}
	for id, update := range map[string]bson.D{
		"living": past(3*time.Hour, "joinedAt", "seenAt"), "recent": past(50*time.Minute, "endedAt"),
		"old": past(61*time.Minute, "endedAt"), "older": past(3*time.Hour, "endedAt"),
	} {
		if _, err := db.Collection("nodes").UpdateByID(t.Context(), id, update); err != nil {
			t.Fatal(err)
		}
	}
	var left []string
	for started := time.Now(); time.Since(started) < soon && (len(left) == 0 || len(left) > 2); time.Sleep(50 * time.Millisecond) {
		nodes, _, err := store.Members(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		left = nil
		for _, n := range nodes {
			left = append(left, n.ID)
		}
	}
	if !slices.Equal(left, []string{"living", "recent"}) {
		t.Errorf("%v are left", left)
	}
}

// A database of an early version has no nodes and no requests, and its leases do not
// record a previous owner.
func TestVersionWithoutNodes(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	store := openAt(t, uri)
	if _, err := store.TakeOver(t.Context(), chain, "old"); err != nil {
		t.Fatal(err)
	}
	_ = store.Close()
	db := admin(t, uri)
	for _, later := range []string{"nodes", "requests"} {
		if err := db.Collection(later).Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Collection("leases").UpdateByID(t.Context(), chain, bson.D{{Key: "$unset", Value: bson.D{{Key: "former", Value: ""}}}}); err != nil {
		t.Fatal(err)
	}
	strict := bson.D{{Key: "former", Value: bson.D{{Key: "$exists", Value: false}}}}
	if err := db.RunCommand(t.Context(), bson.D{{Key: "collMod", Value: "leases"}, {Key: "validator", Value: strict}}).Err(); err != nil {
		t.Fatal(err)
	}
	setVersion(t, db, 1)
	reader, err := mongo.OpenReader(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	for _, later := range []string{persistence.Nodes, persistence.Requests} {
		for doc, err := range reader.Query(t.Context(), persistence.Query{Collection: later}) {
			t.Errorf("a reader of the early version finds in %s %s, %v", later, doc, err)
		}
	}
	_ = reader.Close()
	store = openAt(t, uri)
	join(t, store, "new")
	_, leases, err := store.Members(t.Context())
	if err != nil || len(leases) != 1 {
		t.Fatalf("leases %v, %v", leases, err)
	}
	if taken, err := store.Acquire(t.Context(), leases[0], "new"); err != nil || taken.Epoch != 2 {
		t.Errorf("taken: %+v, %v", taken, err)
	}
	for later, n := range map[string]int{"nodes": 2, "requests": 3} {
		if len(indexes(t, db, later)) != n {
			t.Errorf("%s lack an index", later)
		}
		if _, err := db.Collection(later).InsertOne(t.Context(), bson.D{{Key: "_id", Value: "x"}}); err == nil {
			t.Errorf("%s have no validator", later)
		}
	}
}

// A database of version 5 has no requests, and its nodes have addresses. It is read
// before and after it is migrated, and then accepts requests, and nodes without
// addresses.
func TestVersionWithoutRequests(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	store := openAt(t, uri)
	if _, err := store.TakeOver(t.Context(), chain, "old"); err != nil {
		t.Fatal(err)
	}
	_ = store.Close()
	db := admin(t, uri)
	if err := db.Collection("requests").Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	strict := bson.D{{Key: "address", Value: bson.D{{Key: "$exists", Value: true}}}}
	if err := db.RunCommand(t.Context(), bson.D{{Key: "collMod", Value: "nodes"}, {Key: "validator", Value: strict}}).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Collection("nodes").InsertOne(t.Context(), nodeWithAddress()); err != nil {
		t.Fatal(err)
	}
	setVersion(t, db, 5)
	reader, err := mongo.OpenReader(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	counts := func(when string, want map[string]int) {
		t.Helper()
		for collection, n := range want {
			found := 0
			for doc, err := range reader.Query(t.Context(), persistence.Query{Collection: collection}) {
				if err != nil {
					t.Fatalf("%s, %s: %s, %v", when, collection, doc, err)
				}
				found++
			}
			if found != n {
				t.Errorf("%s: %d in %s, want %d", when, found, collection, n)
			}
		}
	}
	counts("before", map[string]int{persistence.Nodes: 1, persistence.Leases: 1, persistence.Requests: 0})
	store = openAt(t, uri)
	nodes, leases, err := store.Members(t.Context())
	if err != nil || len(nodes) != 1 || nodes[0].Address != "10.0.0.1:8090" || len(leases) != 1 || leases[0].Node != "old" {
		t.Errorf("after: nodes %+v, leases %+v, %v", nodes, leases, err)
	}
	join(t, store, "new")
	if err := store.Ask(t.Context(), []persistence.Request{{ID: "r", Chain: chain, Kind: persistence.StatusRequest, AskedBy: "new"}}, time.Minute); err != nil {
		t.Errorf("asked: %v", err)
	}
	counts("after", map[string]int{persistence.Nodes: 2, persistence.Leases: 1, persistence.Requests: 1})
	if got := indexes(t, db, "requests"); len(got) != 3 {
		t.Errorf("indexes of requests: %v", got)
	}
	var is struct{ Version int }
	if err := db.Collection("meta").FindOne(t.Context(), bson.D{{Key: "_id", Value: "schema"}}).Decode(&is); err != nil || is.Version != documents.Version {
		t.Errorf("the version is %d, %v", is.Version, err)
	}
}

// nodeWithAddress returns the document of a node of an earlier version, which listened
// at an address.
func nodeWithAddress() bson.D {
	return bson.D{
		{Key: "_id", Value: "old"}, {Key: "name", Value: "old"}, {Key: "address", Value: "10.0.0.1:8090"}, {Key: "state", Value: "up"},
		{Key: "beat", Value: int64(7)}, {Key: "chains", Value: bson.A{}}, {Key: "version", Value: "v1"}, {Key: "protocol", Value: int64(1)},
		{Key: "joinedAt", Value: wrongClock}, {Key: "seenAt", Value: wrongClock}, {Key: "clock", Value: wrongClock},
		{Key: "unreachable", Value: bson.A{"new"}},
	}
}

// The document of a node of an earlier version, which listened at an address, can be
// read, and the node can continue and be declared dead.
func TestNodeWithAddress(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	store := openAt(t, uri)
	if _, err := admin(t, uri).Collection("nodes").InsertOne(t.Context(), nodeWithAddress()); err != nil {
		t.Fatal(err)
	}
	n, err := store.Heartbeat(t.Context(), "old", heartbeat())
	if err != nil || n.Heartbeats != 8 || n.Address != "10.0.0.1:8090" || !slices.Equal(n.Unreachable, []string{"new"}) {
		t.Errorf("%+v, %v", n, err)
	}
	if dead, err := store.DeclareDead(t.Context(), "old", 8); err != nil || !dead {
		t.Errorf("declared dead: %v, %v", dead, err)
	}
}
