package aptos

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// BenchmarkPage reads a page of 100 real transactions, of which one in eleven has a
// wanted event, and beside it what no reader can do without: fetching the page, and
// looking at each of its bytes once.
func BenchmarkPage(b *testing.B) {
	names, err := filepath.Glob("../../testdata/recordings/aptos/transactions/*.json")
	if err != nil || len(names) == 0 {
		b.Fatalf("no recorded transactions: %v", err)
	}
	var page []map[string]json.RawMessage
	for len(page) < pageSize {
		text, err := os.ReadFile(names[len(page)%len(names)])
		if err != nil {
			b.Fatal(err)
		}
		var transaction map[string]json.RawMessage
		if err := json.Unmarshal(text, &transaction); err != nil {
			b.Fatal(err)
		}
		transaction["version"], _ = json.Marshal(strconv.Itoa(len(page)))
		page = append(page, transaction)
	}
	body, err := json.Marshal(page)
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(chainIDHeader, "1")
		w.Header().Set(versionHeader, "1000")
		w.Write(body)
	}))
	defer server.Close()
	pool, err := endpoint.NewPool([]endpoint.Config{{URL: server.URL}}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	n := node{pool, 1}
	const account = "0xe11c12ec495f3989c35e1c6a0af414451223305b579291fc8f3d9d0575a23c26"
	wanted := map[string]bool{account + "::listings_v2::BuyEvent": true, "listings_v2::BuyEvent": true}
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if p, err := n.page(b.Context(), 0, pageSize, 10, wanted); err != nil || len(p.raws) == 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run("fetch", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			answer, err := pool.All()[0].Get(b.Context(), nil, "v1", "transactions")
			if err != nil {
				b.Fatal(err)
			}
			answer.Release()
		}
	})
	b.Run("look", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if !json.Valid(body) {
				b.Fatal("no JSON")
			}
		}
	})
}
