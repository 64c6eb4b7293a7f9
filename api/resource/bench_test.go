package resource

import (
	"fmt"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// BenchmarkList compares the CPU time of a request for a page with that of its query alone.
// Only this process is measured, so MongoDB's CPU time is in neither.
//
//	go test ./api/resource -run '^$' -bench List
func BenchmarkList(b *testing.B) {
	b.Run("embedded", func(b *testing.B) { benchLists(b, teststore.Embedded(b)) })
	b.Run("mongodb", func(b *testing.B) { benchLists(b, teststore.MongoDB(b)) })
}

func benchLists(b *testing.B, store persistence.Store) {
	put(b, store, "seaport", benchOrders(500)...)
	h := handler(Options{Data: store})
	const filter = `{"token.collection": "0xc1", side: "ask", status: "LISTING", "fillable.answer": null, "currency.address": "0x0"}`
	a, err := parse(documents.Of(persistence.Orders), "limit=20&sort=unitPrice&filter="+url.QueryEscape(filter))
	if err != nil {
		b.Fatal(err)
	}
	bare := persistence.Query{Collection: persistence.Orders, Filter: persistence.Filter{Condition: a.filter}, Sort: a.Sort, Limit: 20}
	var request, query time.Duration
	for b.Loop() {
		request += cpu(func() {
			if w := get(h, "/orders", "filter", filter, "sort", "unitPrice", "limit", "20"); w.Code != http.StatusOK {
				b.Fatal(w.Body)
			}
		})
		query += cpu(func() {
			n := 0
			for _, err := range store.Query(b.Context(), bare) {
				if n++; err != nil {
					b.Fatal(err)
				}
			}
			if n != 20 {
				b.Fatal(n, " orders")
			}
		})
	}
	b.ReportMetric(float64(request.Microseconds())/float64(b.N), "cpu-µs/request")
	b.ReportMetric(float64(query.Microseconds())/float64(b.N), "cpu-µs/query")
	b.ReportMetric(request.Seconds()/query.Seconds(), "times-the-query")
}

// benchOrders returns orders of ten collections.
func benchOrders(n int) (orders []markets.Order) {
	at := time.Unix(1_600_000_000, 0).UTC()
	for i := range n {
		key := fmt.Sprintf("0x%064x", i)
		e := markets.Event{
			Kind: markets.Listed, Stream: "list", Position: markets.Position{Height: int64(i)}, Block: fmt.Sprintf("0x%064x", i), Transaction: fmt.Sprintf("0x%064x", i), Order: key,
			Time: at, Side: markets.Ask, Maker: fmt.Sprintf("0x%040x", i%50), Token: markets.Token{Collection: fmt.Sprint("0xc", i%10), ID: fmt.Sprint(i), Standard: markets.ERC721},
			Quantity: "1", Price: markets.Amount(fmt.Sprint(1_500_000_000_000_000_000 + i)), Currency: markets.Currency{Address: "0x0", Symbol: "ETH", Decimals: 18},
		}
		o, _ := markets.FoldOrder("ethereum", "seaport", key, []markets.Event{e})
		orders = append(orders, o)
	}
	return orders
}

// cpu returns the CPU time of this process while do runs.
func cpu(do func()) time.Duration {
	before := usage()
	do()
	return usage() - before
}

func usage() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails only for invalid arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
