package mongo_test

import (
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/paging"
)

// A page of asks reads the index by price as far as the page goes, and all asks at the price at
// which it ends, wherever it begins and however many others there are.
func TestPagesReadNoOtherOrders(t *testing.T) {
	t.Parallel()
	store := openAt(t, mongotest.Database(t))
	const perPrice, prices = 15, 40
	var orders []markets.Order
	for i := range perPrice * prices {
		orders = append(orders, markets.Order{
			Chain: chain, Market: "seaport", Key: fmt.Sprintf("0x%04d", i), Side: markets.Ask, Status: markets.Listing,
			Token: markets.Token{Collection: "0xC"}, Currency: markets.Currency{Address: "0x0", Symbol: "ETH", Decimals: 18}, UnitPrice: markets.Amount(fmt.Sprint(1 + i%prices)),
		})
	}
	err := store.Commit(t.Context(), persistence.MarketRef{Chain: chain, Market: "seaport"}, nil, func(tx persistence.Tx) error { return tx.PutOrders(orders) })
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Database().RunCommand(t.Context(), bson.D{{Key: "profile", Value: 2}}).Err(); err != nil {
		t.Fatal(err)
	}
	of := documents.Of(persistence.Orders)
	filter := must[persistence.Filter](t)(documents.ParseFilter(persistence.Orders, `{"token.collection": "0xC", side: "ask", status: "LISTING", "fillable.answer": null, "currency.address": "0x0"}`))
	list := paging.List{Of: of, Sort: must[[]persistence.SortKey](t)(paging.CheckSort(of, []persistence.SortKey{{Path: "unitPrice"}}))}
	var at *paging.Place
	for range 20 { // the planner tries each of its plans
		if _, at, err = list.Page(t.Context(), store, filter.Condition, at, 7); err != nil {
			t.Fatal(err)
		}
	}
	var worst struct {
		Examined int `bson:"docsExamined"`
	}
	queries := bson.D{{Key: "ns", Value: store.Database().Name() + "." + persistence.Orders}, {Key: "command.aggregate", Value: persistence.Orders}}
	profile := store.Database().Collection("system.profile")
	if n, err := profile.CountDocuments(t.Context(), queries); err != nil || n < 20 {
		t.Fatal(n, " queries were profiled: ", err)
	}
	if err := profile.FindOne(t.Context(), queries, options.FindOne().SetSort(bson.D{{Key: "docsExamined", Value: -1}})).Decode(&worst); err != nil {
		t.Fatal(err)
	}
	if worst.Examined > 2*perPrice {
		t.Errorf("a query read %d orders of %d, of which %d have the same price", worst.Examined, len(orders), perPrice)
	}
}
