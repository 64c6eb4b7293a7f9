package facts_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/imart/event-worker/internal/seaporttest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// A real Seaport with the orders of many markets: those that were submitted to IMart are in its
// documents, and of no others are there any activities or notifications.
func TestOrdersOfIMart(t *testing.T) {
	w := seaporttest.Start(t)
	r := followMarket(t, w, in(t), w.URL(), "imart", fmt.Sprintf("{start: 0, contracts: {market: %q}}", w.Seaport))
	maker, bidder, taker := w.Makers[0], w.Makers[1], w.Takers[0]
	ask := func(token int64) *seaporttest.Order {
		return w.Create(seaporttest.Ask, maker, w.Input(seaporttest.Ask, seaporttest.Terms{Token: token, Price: big.NewInt(1e18)}))
	}
	own, filled, cancelled := ask(1), ask(2), ask(3)
	bid := w.Create(seaporttest.Bid, bidder, w.Input(seaporttest.Bid, seaporttest.Terms{Token: 4, Price: big.NewInt(1e16)}))
	w.Orders = []*seaporttest.Order{own, bid}
	r.handIn()
	w.Orders = append(w.Orders, filled, cancelled) // those of others
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.Fulfill(taker, seaporttest.Fill{Order: filled}))
	must(w.Validate(cancelled))
	must(w.Cancel(cancelled))
	w.Mine(1)
	r.settle()
	must(w.Fulfill(taker, seaporttest.Fill{Order: own}))
	w.Mine(1)
	r.settle()

	docs := r.orders()
	if o := docs[own.Hash.Hex()]; o.Status != markets.Sold || o.Taker != taker.Hex() {
		t.Errorf("%s", asJSON(o))
	}
	if o := docs[bid.Hash.Hex()]; o.Status != markets.Listing || len(docs) != 2 {
		t.Errorf("%d orders, %s", len(docs), asJSON(o))
	}
	var told []string
	all, err := persistence.Collect[markets.Notification](t.Context(), r.Store(), persistence.Query{Collection: persistence.Notifications})
	must(err)
	for _, n := range all {
		told = append(told, fmt.Sprint(n.Message, " ", n.Receiver, " from ", n.From))
	}
	slices.Sort(told)
	want := []string{
		fmt.Sprint(markets.OfferReceived, " ", maker.Hex(), " from ", bidder.Hex()),
		fmt.Sprint(markets.OrderFilled, " ", maker.Hex(), " from ", taker.Hex()),
		fmt.Sprint(markets.TokenBought, " ", taker.Hex(), " from ", maker.Hex()),
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
