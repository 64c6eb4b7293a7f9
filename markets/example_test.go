package markets_test

import (
	"fmt"
	"time"

	"github.com/imart/event-worker/markets"
)

// An order is folded from its listing and two sales of its units. Nothing can be done to an
// order that is sold: a cancellation that comes later is an anomaly.
func ExampleFoldOrder() {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	events := []markets.Event{
		{Kind: markets.Listed, Order: "7", Maker: "alice", Quantity: "10", Price: "1000", Time: day(1), Position: markets.Position{Height: 100, Log: 3}},
		{Kind: markets.Bought, Order: "7", Taker: "bob", Quantity: "4", Price: "400", Time: day(2), Position: markets.Position{Height: 105, Transaction: 2, Log: 9}},
		{Kind: markets.Bought, Order: "7", Taker: "carol", Quantity: "6", Price: "600", Time: day(3), Position: markets.Position{Height: 107, Log: 1}},
		{Kind: markets.Delisted, Order: "7", Maker: "alice", Time: day(4), Position: markets.Position{Height: 110}},
	}
	for n := range len(events) + 1 {
		o, ok := markets.FoldOrder("ethereum", "shop", "7", events[:n])
		if !ok {
			fmt.Println("no order")
			continue
		}
		fmt.Printf("%-7s %2s of %s for %s, %d anomalies\n", o.Status, o.Filled, o.Quantity, o.Price, o.Anomalies)
	}
	// Output:
	// no order
	// LISTING  0 of 10 for 1000, 0 anomalies
	// LISTING  4 of 10 for 1000, 0 anomalies
	// SOLD    10 of 10 for 1000, 0 anomalies
	// SOLD    10 of 10 for 1000, 1 anomalies
}
