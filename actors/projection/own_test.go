package projection

import (
	"slices"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

const (
	ours, strangers = "0xOurs", "0xStrangers"
	contract        = "0xS"
)

// kept are the orders, or makers, of those of the events that are the market's own.
func kept(t *testing.T, store persistence.Store, events ...markets.Event) (names []string) {
	t.Helper()
	err := store.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
		own, err := owned(tx, markets.Own{Collections: []string{ours}}, events)
		names = nil
		for _, e := range own {
			if names = append(names, e.Order); e.Order == "" {
				names[len(names)-1] = e.Maker
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func sale(order, collection string) markets.Event {
	return markets.Event{Kind: markets.Bought, Order: order + "@" + contract, Transaction: "0x7", Token: markets.Token{Collection: collection, ID: "1"}}
}

func matched(order, collection string) markets.Event {
	e := sale(order, collection)
	e.Kind = markets.Matched
	return e
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v are kept, want %v", what, got, want)
	}
}

// Events with a token of the market's collections are its own, for any order.
func TestEventsOfCollectionsAreKept(t *testing.T) {
	store := openStore(t)
	bundle := sale("0xb", strangers)
	bundle.Bundle = []markets.Item{{Token: bundle.Token}, {Token: markets.Token{Collection: ours, ID: "2"}}}
	expect(t, "sales", kept(t, store, sale("0xa", ours), bundle, sale("0xc", strangers), sale("0xd", "")), "0xa@0xS", "0xb@0xS")
}

// An order that was submitted is the market's own, and one that the log has already.
func TestEventsOfKnownOrdersAreKept(t *testing.T) {
	store := openStore(t)
	cancel := markets.Event{Kind: markets.Delisted, Order: "0xa@0xS"} // does not say of what
	expect(t, "of a stranger", kept(t, store, cancel))
	if _, err := store.InsertSigned(t.Context(), []persistence.SignedOrder{{Chain: "chain", Market: "market", Contract: contract, Hash: "0xb"}}); err != nil {
		t.Fatal(err)
	}
	expect(t, "submitted", kept(t, store, sale("0xb", strangers), cancel), "0xb@0xS")
	err := store.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
		e := sale("0xa", ours)
		e.Stream = "buy"
		return tx.Append([]markets.Activity{{Chain: "chain", Market: "market", Event: e}}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "in the log", kept(t, store, cancel), "0xa@0xS")
}

// If the own order is filled by another one, the sale is of the other: it is kept too.
func TestTheSaleOfAMatchIsKept(t *testing.T) {
	store := openStore(t)
	if _, err := store.InsertSigned(t.Context(), []persistence.SignedOrder{{Chain: "chain", Market: "market", Contract: contract, Hash: "0xb"}}); err != nil {
		t.Fatal(err)
	}
	elsewhere := sale("0xe", strangers)
	elsewhere.Transaction = "0x8"
	expect(t, "matched", kept(t, store, sale("0xa", strangers), matched("0xb", strangers), elsewhere, matched("0xf", strangers)), "0xa@0xS", "0xb@0xS")
}

// A bulk cancel is kept if its maker has an order in the market.
func TestBulkCancelsOfMakersAreKept(t *testing.T) {
	store := openStore(t)
	err := store.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
		return tx.PutOrders([]markets.Order{{Chain: "chain", Market: "market", Key: "0xa@0xS", Maker: "alice", Status: markets.Listing}})
	})
	if err != nil {
		t.Fatal(err)
	}
	bulk := func(maker string) markets.Event { return markets.Event{Kind: markets.OrdersCancelled, Maker: maker} }
	expect(t, "bulk cancels", kept(t, store, bulk("alice"), bulk("bob"), bulk("alice")), "alice", "alice")
}
