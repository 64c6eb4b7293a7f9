package docs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/mongo"
)

// The chain that ails.
const (
	ailing       = "polygon"
	ailingHead   = 62_000_000
	ailingBehind = 5_120
)

// ail adds to a database the documents of a chain that is not well: its endpoint
// refuses to answer, one of its actors was restarted, and some of its events cannot
// be decoded.
func ail(t *testing.T, uri string) {
	t.Helper()
	store, err := mongo.Open(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	a := ailment{t: t, store: store}
	a.takenOver("worker-1")
	a.takenOver("worker-2")
	const refused = "polygon-rpc.example.com answered 503 Service Unavailable"
	a.actor(persistence.Claim{ID: "polygon/head", Kind: "head"},
		persistence.Report{Status: persistence.Retrying, Head: ailingHead, Finalized: ailingHead - 128, LastError: refused, Endpoints: []persistence.Endpoint{{
			Host: "polygon-rpc.example.com", State: "down", Height: ailingHead, Rate: 10, LatencyMS: 85.5, Requests: 91_300,
			Errors: map[string]int64{"http_5xx": 412}, LastError: refused,
		}}})
	a.actor(persistence.Claim{ID: "polygon/seaport/buy/subject", Kind: "subject", Market: "seaport", Stream: "buy", Restarts: 3},
		persistence.Report{Status: persistence.Retrying, Head: ailingHead, Finalized: ailingHead - 128, Lag: ailingBehind, LastError: refused})
	a.actor(persistence.Claim{ID: "polygon/seaport/list/subject", Kind: "subject", Market: "seaport", Stream: "list", Restarts: 1, LastError: "polygon-rpc.example.com: no answer in time (30s)"},
		persistence.Report{Status: persistence.Following, Head: ailingHead, Finalized: ailingHead - 128, Lag: 2})
	a.undecodable("delist")
}

type ailment struct {
	t     *testing.T
	store *mongo.Store
	node  string
	epoch int64
}

func (a *ailment) takenOver(node string) {
	a.t.Helper()
	epoch, err := a.store.TakeOver(a.t.Context(), ailing, node)
	if err != nil {
		a.t.Fatal(err)
	}
	a.node, a.epoch = node, epoch
}

// actor begins an actor that says how it is.
func (a *ailment) actor(claim persistence.Claim, report persistence.Report) persistence.Actor {
	a.t.Helper()
	claim.Chain, claim.Node, claim.Epoch = ailing, a.node, a.epoch
	claim.Start = markets.Place{Seq: report.Head - report.Lag}
	actor, err := a.store.Claim(a.t.Context(), claim)
	if err == nil {
		err = a.store.Report(a.t.Context(), actor.Ref(), report)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return actor
}

// undecodable lets a stream meet two events that are too short.
func (a *ailment) undecodable(stream string) {
	a.t.Helper()
	report := persistence.Report{Status: persistence.Following, Head: ailingHead, Finalized: ailingHead - 128}
	observer := a.actor(persistence.Claim{ID: "polygon/seaport/" + stream + "/activity", Kind: "observer", Market: "seaport", Stream: stream}, report)
	letters := a.letters(stream)
	move := persistence.Move{
		Actor: observer.Ref(), From: observer.Place, To: markets.Place{Seq: observer.Seq, Hash: "0x" + strings.Repeat("9", 64)},
		Events: int64(len(letters)), DeadLetters: int64(len(letters)), Report: report,
	}
	err := a.store.Commit(a.t.Context(), persistence.MarketRef{Chain: ailing, Market: "seaport"}, []persistence.Move{move},
		func(tx persistence.Tx) error { return tx.Append(nil, letters) })
	if err != nil {
		a.t.Fatal(err)
	}
}

// letters are the dead letters of what a decoder refuses.
func (a *ailment) letters(name string) (letters []markets.DeadLetter) {
	a.t.Helper()
	for _, stream := range markettest.Mainnet(a.t, "seaport").Streams {
		if stream.Name != name {
			continue
		}
		_, failures := stream.DecodeAll(shortLogs())
		for _, f := range failures {
			raw, err := json.Marshal(f.Transaction)
			if err != nil {
				a.t.Fatal(err)
			}
			letters = append(letters, markets.DeadLetter{
				Chain: ailing, Market: "seaport", Stream: name, Seq: f.Raw.Seq, Position: f.Raw.Position,
				Block: f.Raw.Block, Transaction: f.Raw.Transaction, Time: f.Raw.Time, Reason: f.Reason.Error(), Raw: raw,
			})
		}
	}
	return letters
}

// shortLogs are two cancellations without the cancelled order's hash.
func shortLogs() (logs []markets.Raw) {
	contract := common.HexToAddress("0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC") // Seaport 1.5
	cancelled := crypto.Keccak256Hash([]byte("OrderCancelled(bytes32,address,address)"))
	for i := range int64(2) {
		height := ailingHead - 100*(i+1)
		logs = append(logs, markets.Raw{
			Position: markets.Position{Height: height, Transaction: 4, Log: 7}, Seq: height,
			Block: hash("block", i), Transaction: hash("transaction", i),
			Time:    time.Date(2024, 9, 13, 12, 0, int(-200*i), 0, time.UTC),
			Address: contract, Topics: [][32]byte{cancelled, {31: 1}, {}}, Data: []byte{1, 2, 3},
		})
	}
	return logs
}

// hash is a hash that nothing else has.
func hash(of string, i int64) string { return crypto.Keccak256Hash([]byte(fmt.Sprint(of, i))).Hex() }

// unread takes back that notifications were read.
func unread(t *testing.T, db database, market string) {
	t.Helper()
	_, err := db.Collection(persistence.Notifications).UpdateMany(t.Context(), bson.D{{Key: "market", Value: market}}, bson.D{{Key: "$unset", Value: bson.D{{Key: "readAt", Value: ""}}}})
	if err != nil {
		t.Fatal(err)
	}
}

// crowded is how many documents there are of others.
const crowded = 1000

// crowd adds documents that no query of the page asks for, so that one without an
// index must look at them: of another chain, between the demo's two in time, dearer
// listings of the collection whose floor is asked for, and notifications that the
// receiver on the page has read before.
func crowd(t *testing.T, db database) {
	t.Helper()
	docs := map[string][]any{}
	add := func(collection string, doc any) { docs[collection] = append(docs[collection], doc) }
	for i := range int64(crowded) {
		order, sale, letter := other(i)
		add(persistence.Orders, documents.OfOrder(order))
		add(persistence.Activities, documents.OfActivity(sale))
		add(persistence.DeadLetters, documents.OfDeadLetter(letter))
		told := markets.Notifications(sale)[0]
		told.Receiver, told.ReadAt = "0x08c557bb0a12d47c1eda90dd4883b44674111b915fa39ff862e6a0a39140dcd4", &sale.Time
		add(persistence.Notifications, documents.OfNotification(told))
	}
	for name, docs := range docs {
		if _, err := db.Collection(name).InsertMany(t.Context(), docs); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// other is the i-th of the crowd.
func other(i int64) (markets.Order, markets.Activity, markets.DeadLetter) {
	const chain, market = "crowd", "crowd"
	at, position, name := time.Date(2024, 5, 1, 0, 0, int(i), 0, time.UTC), markets.Position{Height: i}, fmt.Sprint("crowd-", i)
	order := markets.Order{
		Chain: chain, Market: market, Key: name, Side: markets.Ask, Status: markets.Listing, Maker: name,
		Token:    markets.Token{Collection: "0x7b4cd01cc85280139fbf2a11dd929a073febeba767d74904d0c691d68b74f321", ID: name},
		Price:    markets.Amount(fmt.Sprint(1_000_000_000 + i)),
		ListedAt: &at, First: position, Last: position,
	}
	sale := markets.Activity{Chain: chain, Market: market, Event: markets.Event{
		Kind: markets.Bought, Stream: "buy", Seq: i, Position: position, Time: at,
		Order: name, Side: markets.Ask, Maker: name, Token: order.Token, Price: order.Price, From: name, To: market,
	}}
	letter := markets.DeadLetter{Chain: chain, Market: market, Stream: "buy", Seq: i, Position: position, Time: at, Raw: []byte("[]")}
	return order, sale, letter
}
