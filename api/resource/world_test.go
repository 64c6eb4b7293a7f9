package resource

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

func TestMain(m *testing.M) {
	thorough.Checks(25) // each pages through a real store
	os.Exit(mongotest.Main(m))
}

// handler serves the routes of the package.
func handler(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	for _, r := range Routes(o) {
		mux.Handle(r.Pattern, r.Handler)
	}
	return mux
}

// get requests a path of a handler with parameters as name, value, name, value…
func get(h http.Handler, path string, parameters ...string) *httptest.ResponseRecorder {
	q := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// answer is a page.
type answer struct {
	Data []json.RawMessage
	Next *string
}

// fataler is *testing.T or *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// page expects a page.
func page(t fataler, w *httptest.ResponseRecorder) (a answer) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusOK || a.Data == nil {
		t.Fatalf("status %d: %v\n%s", w.Code, err, w.Body)
	}
	return a
}

// refused expects a problem.
func refused(t *testing.T, w *httptest.ResponseRecorder, status int, detail string) {
	t.Helper()
	var p struct{ Detail string }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || !strings.Contains(p.Detail, detail) {
		t.Errorf("want %d and %q, got %d\n%s", status, detail, w.Code, w.Body)
	}
}

func idsOf(t fataler, docs []json.RawMessage) (ids []string) {
	t.Helper()
	for _, doc := range docs {
		var keyed struct {
			ID string `json:"_id"`
		}
		if err := json.Unmarshal(doc, &keyed); err != nil {
			t.Fatalf("%v: %s", err, doc)
		}
		ids = append(ids, keyed.ID)
	}
	return ids
}

// commit writes without a move.
func commit(t fataler, store persistence.Store, market string, do func(tx persistence.Tx) error) {
	t.Helper()
	if err := store.Commit(context.Background(), persistence.MarketRef{Chain: "ethereum", Market: market}, nil, do); err != nil {
		t.Fatalf("%v", err)
	}
}

func put(t fataler, store persistence.Store, market string, orders ...markets.Order) {
	t.Helper()
	for i := range orders {
		orders[i].Chain, orders[i].Market = "ethereum", market
	}
	commit(t, store, market, func(tx persistence.Tx) error { return tx.PutOrders(orders) })
}

// querier hides all other methods of a store.
type querier struct{ persistence.Querier }

var _ persistence.Feed = standing{}

// standing is data with a feed whose position never changes.
type standing struct {
	persistence.Querier
	position string
	err      error
}

func (s standing) Newest(context.Context) (string, error) { return s.position, s.err }

func (s standing) Changes(context.Context, string, []string) iter.Seq2[persistence.Change, error] {
	return func(func(persistence.Change, error) bool) {}
}

// memory is an Options.Order that knows a single order.
func memory(o markets.Order) func(context.Context, persistence.MarketRef, string) (markets.Order, bool, error) {
	return func(_ context.Context, market persistence.MarketRef, key string) (markets.Order, bool, error) {
		return o, market.Chain == o.Chain && market.Market == o.Market && key == o.Key, nil
	}
}

func (s standing) Reached(position, other string) bool { return position == other }
