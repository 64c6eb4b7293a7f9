package docs_test

import (
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// The collection whose orders the page asks for, and who trades in it.
const (
	bazaarCollection = "0x71C7656EC7ab88b098defB751B7401B5f6d8976F"

	alice = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
	bob   = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
	carol = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
	dave  = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"

	traits = "0x5d0cb8a1d6b8ab0b3d2c4a4b7f3c9cf5a1a0f3de2f3c1b7d9e8f60718293a4b5"
)

var (
	ether   = markets.Currency{Address: "0x0000000000000000000000000000000000000000", Symbol: "ETH", Decimals: 18}
	wrapped = markets.Currency{Address: "0x4200000000000000000000000000000000000006", Symbol: "WETH", Decimals: 18}

	bazaarNow = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
)

// bazaar is a market whose orders are of every kind that the page asks for, among
// thousands that it does not.
type bazaar struct {
	t    *testing.T
	db   database
	docs map[string][]any
	at   markets.Position
}

func openBazaar(t *testing.T, db database) {
	t.Helper()
	b := bazaar{t: t, db: db, docs: map[string][]any{}}
	b.asks()
	b.bids()
	b.closed()
	b.throng()
	for name, docs := range b.docs {
		if _, err := db.Collection(name).InsertMany(t.Context(), docs); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// asks are the listings that a stranger can take or, for one reason each, cannot.
func (b *bazaar) asks() {
	b.order("ask-1", ask(alice, "7", "1", "0.5"), fact(markets.Yes))
	b.order("ask-2", ask(alice, "8", "4", "1.6"), fact(markets.Yes))
	b.order("ask-3", ask(bob, "9", "1", "0.3"), fact(markets.Yes), fact(markets.No, markets.NotOwner))
	b.order("ask-4", with(ask(bob, "10", "1", "0.2"), func(e *markets.Event) { e.ReservedFor = carol }), fact(markets.No, markets.PrivateOrder))
	b.order("ask-5", with(ask(carol, "11", "1", "0.25"), func(e *markets.Event) { e.StartsAt = day(1) }), fact(markets.Yes))
	b.order("ask-6", with(ask(carol, "12", "1", "5"), func(e *markets.Event) {
		e.StartsAt, e.EndPrice, e.ExpiresAt = day(-1), units("1"), day(1)
	}), fact(markets.Yes))
	b.order("ask-7", with(ask(alice, "13", "1", "0.1"), func(e *markets.Event) { e.ExpiresAt = day(-2) }), fact(markets.Yes))
	b.order("ask-8", ask(alice, "14", "1", "0.35"), fact(markets.No, markets.NotOwner, markets.NoApproval))
}

// bids are offers for a token, for any of the collection, and for some of it.
func (b *bazaar) bids() {
	b.order("bid-1", bid(dave, "7", "1", "0.45"), fact(markets.Yes))
	b.order("bid-2", bid(carol, "", "3", "1.2"), fact(markets.Yes))
	b.order("bid-3", with(bid(dave, "", "1", "0.6"), func(e *markets.Event) { e.Criteria = traits }), fact(markets.Yes))
	b.order("bid-4", bid(bob, "", "1", "0.9"), fact(markets.No, markets.NoBalance))
	b.order("bid-5", with(bid(bob, "", "1", "0.8"), func(e *markets.Event) { e.ExpiresAt = day(-3) }), fact(markets.Yes))
}

// closed are orders that were filled or cancelled.
func (b *bazaar) closed() {
	sale := markets.Event{Kind: markets.Bought, Maker: alice, Taker: dave, From: alice, To: dave, Quantity: "1", Price: units("0.55"), Token: token("15"), Currency: ether}
	b.order("sold-1", ask(alice, "15", "1", "0.55"), fact(markets.Yes), sale)
	b.order("gone-1", bid(alice, "7", "1", "0.4"), markets.Event{Kind: markets.OfferCancelled, Maker: alice, Side: markets.Bid, Token: token("7")})
}

// thronging is how many orders are in the throng.
const thronging = 5000

// throng is the rest of the market: most of it closed, many listings expired and below the
// floor, bids expired above the best, some not fillable, and the same of the makers and
// takers that the page asks for.
func (b *bazaar) throng() {
	for i := range thronging {
		key, when := fmt.Sprintf("throng-%04d", i), day(-400+i/25)
		maker, taker := fmt.Sprintf("0x%040d", i%200), fmt.Sprintf("0x%040d", i%70)
		if i%4 == 0 {
			maker, taker = alice, dave
		}
		id := fmt.Sprint(100 + i%500)
		price := fmt.Sprintf("0.0%d", 10+i%30)
		listed := with(ask(maker, id, "1", price), func(e *markets.Event) { e.Time = *when })
		if i%5 == 4 {
			listed.Token.Collection = fmt.Sprintf("0x%040d", i%40)
		}
		switch i % 16 {
		case 0, 1, 2, 3, 4, 5:
			b.order(key, listed, markets.Event{Kind: markets.Bought, Time: *when, Maker: maker, Taker: taker, From: maker, To: taker, Quantity: "1", Price: listed.Price, Token: listed.Token, Currency: ether})
		case 6, 7, 8:
			b.order(key, listed, markets.Event{Kind: markets.Delisted, Time: *when, Maker: maker, Side: markets.Ask, Token: listed.Token})
		case 9, 10, 11, 12:
			expired := with(listed, func(e *markets.Event) { e.ExpiresAt = day(-200 + i/25%150) })
			b.order(key, expired, fact(markets.Yes))
		case 13:
			b.order(key, with(bid(maker, "", "1", fmt.Sprintf("0.9%d", i%30)), func(e *markets.Event) { e.Time, e.ExpiresAt = *when, day(-200) }), fact(markets.Yes))
		case 14:
			b.order(key, with(bid(maker, "", "1", fmt.Sprintf("1.%d", i%30)), func(e *markets.Event) { e.Time, e.Criteria = *when, fmt.Sprintf("0x%064d", i) }), fact(markets.Yes))
		case 15:
			b.order(key, with(listed, func(e *markets.Event) { e.Maker = bob }), fact(markets.No, markets.NoApproval))
		}
	}
}

// order adds the activities of an order, and the order that they make.
func (b *bazaar) order(key string, events ...markets.Event) {
	b.t.Helper()
	for i := range events {
		e := &events[i]
		b.at.Height++
		e.Stream, e.Order, e.Seq, e.Position = "list", key, b.at.Height, b.at
		if e.Kind == markets.OrderChecked {
			e.Stream, e.Position.Transaction = "state", 1<<31-1
		}
		if e.Time.IsZero() {
			e.Time = day(-1).Add(time.Duration(b.at.Height) * time.Second)
		}
		e.Transaction = hash("bazaar", b.at.Height)
		b.docs[persistence.Activities] = append(b.docs[persistence.Activities],
			documents.OfActivity(markets.Activity{Chain: "base", Market: "bazaar", Event: *e}))
	}
	order, ok := markets.FoldOrder("base", "bazaar", key, events)
	if !ok || order.Anomalies > 0 {
		b.t.Fatalf("%s is no order: %+v", key, order)
	}
	b.docs[persistence.Orders] = append(b.docs[persistence.Orders], documents.OfOrder(order))
}

func ask(maker, id, quantity, price string) markets.Event {
	return markets.Event{
		Kind: markets.Listed, Side: markets.Ask, Maker: maker, Token: token(id),
		Quantity: markets.Amount(quantity), Price: units(price), Currency: ether,
	}
}

func bid(maker, id, quantity, price string) markets.Event {
	return markets.Event{
		Kind: markets.OfferMade, Side: markets.Bid, Maker: maker, Token: token(id),
		Quantity: markets.Amount(quantity), Price: units(price), Currency: wrapped,
	}
}

func fact(answer markets.Answer, reasons ...markets.Reason) markets.Event {
	return markets.Event{Kind: markets.OrderChecked, Fact: &markets.Fact{
		State:    &markets.ContractState{Filled: "0", Size: "0"},
		Fillable: &markets.Fillability{Answer: answer, Reasons: reasons},
	}}
}

func with(e markets.Event, change func(*markets.Event)) markets.Event {
	change(&e)
	return e
}

func token(id string) markets.Token {
	return markets.Token{Collection: bazaarCollection, ID: id, Standard: "ERC-1155"}
}

// units is an amount of ether, with at most 18 decimals, in wei.
func units(ether string) markets.Amount {
	d, err := bson.ParseDecimal128(ether)
	if err != nil {
		panic(err)
	}
	digits, exponent, err := d.BigInt()
	if err != nil {
		panic(err)
	}
	amount := digits.String()
	for range 18 + exponent {
		amount += "0"
	}
	return markets.Amount(amount)
}

// day is so many days from the page's now.
func day(n int) *time.Time {
	return new(bazaarNow.AddDate(0, 0, n))
}
