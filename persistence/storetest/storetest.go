// Package storetest says what every persistence.Store does: a suite that each of
// them must pass, and a store that fails on demand, for tests of code that uses
// a store.
package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Run runs the suite. open opens a new, empty store that is closed when the test
// ends.
func Run(t *testing.T, open func(t testing.TB) persistence.Store) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Actors", actorTests},
		{"Commit", commitTests},
		{"Book", bookTests},
		{"Log", logTests},
		{"OpenOrders", openOrderTests},
		{"Signed", signedTests},
		{"Currencies", currencyTests},
		{"Metadata", metadataTests},
		{"Audits", auditTests},
		{"Query", queryTests},
		{"Lists", listTests},
		{"RecordLog", recordLogTests},
		{"Concurrency", concurrencyTests},
		{"Requests", requestTests},
		{"Hooks", hookTests},
		{"Property", propertyTests},
		{"Feed", feedTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					test.run(&suite{T: t, store: open(t)})
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*suite)
}

// suite is one test on one store.
type suite struct {
	*testing.T
	store persistence.Store
}

// The market, owner and observer that most tests are about.
const (
	chain = "ethereum"
	node  = "node-1"
)

var (
	seaport = persistence.MarketRef{Chain: chain, Market: "seaport"}
	other   = persistence.MarketRef{Chain: chain, Market: "other"}
	start   = markets.Place{Seq: -1}
)

// claimOf is a claim of the observer that keeps a stream's documents.
func claimOf(market persistence.MarketRef, stream string, epoch int64) persistence.Claim {
	return persistence.Claim{
		ID:   fmt.Sprintf("%s/%s/%s/order-%s", market.Chain, market.Market, stream, stream),
		Kind: "observer", Chain: market.Chain, Market: market.Market, Stream: stream,
		Node: node, Documents: true, Epoch: epoch, Start: start,
	}
}

func (s *suite) takeOver(chain string) int64 {
	s.Helper()
	epoch, err := s.store.TakeOver(s.Context(), chain, node)
	s.must(err)
	return epoch
}

func (s *suite) claim(c persistence.Claim) persistence.Actor {
	s.Helper()
	actor, err := s.store.Claim(s.Context(), c)
	s.must(err)
	return actor
}

// observer is seaport's list observer, just claimed.
func (s *suite) observer() persistence.Actor {
	s.Helper()
	return s.claim(claimOf(seaport, "list", s.takeOver(chain)))
}

// within commits what do writes, without a move.
func (s *suite) within(market persistence.MarketRef, do func(tx persistence.Tx) error) {
	s.Helper()
	s.must(s.store.Commit(s.Context(), market, nil, do))
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// actor reads an actor's document.
func (s *suite) actor(id string) persistence.Actor {
	s.Helper()
	filter, err := documents.ParseFilter(persistence.Actors, fmt.Sprintf(`{"_id": %q}`, id))
	s.must(err)
	docs := query[persistence.Actor](s, persistence.Query{Collection: persistence.Actors, Filter: filter})
	if len(docs) != 1 {
		s.Fatalf("%d documents of actor %s", len(docs), id)
	}
	return docs[0]
}

// query reads documents.
func query[T any](s *suite, q persistence.Query) (docs []T) {
	s.Helper()
	for raw, err := range s.store.Query(s.Context(), q) {
		s.must(err)
		var doc T
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		s.must(d.Decode(&doc))
		docs = append(docs, doc)
	}
	return docs
}

// all reads all documents of a collection, by their keys.
func all[T any](s *suite, collection string) []T {
	s.Helper()
	return query[T](s, persistence.Query{Collection: collection, Sort: []persistence.SortKey{{Path: "_id"}}})
}

// same fails unless two values are the same JSON.
func (s *suite) same(what string, got, want any) {
	s.Helper()
	if g, w := asJSON(got), asJSON(want); g != w {
		s.Fatalf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// move is a move of an actor from where it stands.
func move(a persistence.Actor, to markets.Place) persistence.Move {
	return persistence.Move{Actor: a.Ref(), From: a.Place, To: to}
}

// place is a place with a hash.
func place(seq int64) markets.Place {
	return markets.Place{Seq: seq, Hash: fmt.Sprintf("0x%x", seq)}
}

// at is the time of a block.
func at(seq int64) time.Time { return time.Unix(1_700_000_000+12*seq, 0).UTC() }

// listed is an order's listing in block seq.
func listed(stream string, seq int64, order string) markets.Event {
	return markets.Event{
		Kind: markets.Listed, Stream: stream, Seq: seq, Position: markets.Position{Height: seq},
		Block: fmt.Sprintf("0x%x", seq), Transaction: fmt.Sprintf("0xf%x", seq), Time: at(seq),
		Order: order, Side: markets.Ask, Maker: "0xMaker", Quantity: "1", Price: "1500000000000000000",
		Token: markets.Token{Collection: "0xC011ec7100", ID: "7", Standard: markets.ERC721},
	}
}

// behind is the event, further on in its block.
func behind(e markets.Event, tx, log, sub int32) markets.Event {
	e.Position.Transaction, e.Position.Log, e.Position.Sub = tx, log, sub
	return e
}

// activities are events of a market as the log has them.
func activities(market persistence.MarketRef, events ...markets.Event) []markets.Activity {
	out := make([]markets.Activity, len(events))
	for i, e := range events {
		out[i] = markets.Activity{Chain: market.Chain, Market: market.Market, Event: e}
	}
	return out
}

// order is what an event makes of an order.
func order(market persistence.MarketRef, e markets.Event) markets.Order {
	o, _ := markets.FoldOrder(market.Chain, market.Market, e.Order, []markets.Event{e})
	return o
}

// letter is a dead letter in block seq.
func letter(market persistence.MarketRef, stream string, seq int64, log int32) markets.DeadLetter {
	return markets.DeadLetter{
		Chain: market.Chain, Market: market.Market, Stream: stream, Seq: seq,
		Position: markets.Position{Height: seq, Log: log}, Block: fmt.Sprintf("0x%x", seq),
		Transaction: "0xf", Time: at(seq), Reason: "short data", Raw: json.RawMessage(`{"Data":"AA=="}`),
	}
}

// sorted is a sorted copy.
func sorted(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return out
}
