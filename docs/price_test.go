package docs_test

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// The page's priceAt is exact, rounded up, up to the bound that the page gives.
func TestPriceOfThePage(t *testing.T) {
	db, page := connect(t, mongotest.Database(t)), readPage(t, mongodbPage)
	random := rand.New(rand.NewPCG(1, 2))
	const years = 3 * 365 * 24 * 3600
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(26), nil) // wei: 100 million ether
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	var orders []any
	want := map[string]string{}
	for i := range 500 {
		length := 1 + random.Int64N(years)
		passed := random.Int64N(length)
		price, endPrice := below(random, most), below(random, most)
		startsAt := now.Add(-time.Duration(passed) * time.Second)
		expiresAt := startsAt.Add(time.Duration(length) * time.Second)
		order := markets.Order{Chain: "c", Market: "m", Key: hash("price", int64(i)), Status: markets.Listing, Price: markets.Amount(price.String())}
		want[order.ID()] = price.String()
		if i%10 > 0 {
			order.StartsAt, order.ExpiresAt, order.EndPrice = &startsAt, &expiresAt, markets.Amount(endPrice.String())
			want[order.ID()] = between(price, endPrice, passed, length).String()
		}
		orders = append(orders, documents.OfOrder(order))
	}
	if _, err := db.Collection(persistence.Orders).InsertMany(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	r, err := db.understand(query{page: page, text: `db.orders.aggregate([{ $project: { price: { $toString: priceAt(now()) } } }])`})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.answer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range answer.(bson.A) {
		got := doc.(bson.D)
		if id := got[0].Value.(string); got[1].Value != want[id] {
			t.Errorf("%s: %v, not %s", id, got[1].Value, want[id])
		}
	}
}

// between is the price after a part of an auction's seconds, rounded up.
func between(price, endPrice *big.Int, passed, length int64) *big.Int {
	start := new(big.Int).Mul(price, big.NewInt(length-passed))
	end := new(big.Int).Mul(endPrice, big.NewInt(passed))
	sum := start.Add(start, end)
	sum.Add(sum, big.NewInt(length-1))
	return sum.Div(sum, big.NewInt(length))
}

// below is a random number below a bound, of any number of digits.
func below(random *rand.Rand, bound *big.Int) *big.Int {
	n := new(big.Int)
	for range 1 + random.IntN(26) {
		n.Mul(n, big.NewInt(10)).Add(n, big.NewInt(random.Int64N(10)))
	}
	return n.Mod(n, bound)
}
