package resource

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/storetest"
)

// putOrders stores five orders, of which the first two are sold.
func putOrders(t *testing.T, store persistence.Store) {
	t.Helper()
	for i, key := range []string{"a", "b", "c", "d", "e/f//g"} {
		o := markets.Order{Key: key, Status: markets.Listing, Maker: "0xM", Price: markets.Amount(fmt.Sprint(10 - i))}
		if i < 2 {
			o.Status = markets.Sold
		}
		put(t, store, "seaport", o)
	}
}

func TestLists(t *testing.T) {
	store := teststore.Embedded(t)
	putOrders(t, store)
	h := handler(Options{Data: standing{Querier: store, position: "P1"}})
	w := get(h, "/orders", "filter", `{status: "LISTING"}`, "sort", "price", "limit", "2")
	a := page(t, w)
	if got := fmt.Sprint(idsOf(t, a.Data)); got != "[ethereum/seaport/e/f//g ethereum/seaport/d]" || a.Next == nil {
		t.Errorf("%s, next %v", got, a.Next)
	}
	if got := w.Header(); got.Get("Feed-Position") != "P1" || got.Get("Cache-Control") != "no-cache" || got.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", got)
	}
	link := w.Header().Get("Link")
	path, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	if !ok {
		t.Fatalf("Link: %s", link)
	}
	last := get(h, path)
	a = page(t, last)
	if got := fmt.Sprint(idsOf(t, a.Data)); got != "[ethereum/seaport/c]" || a.Next != nil || last.Header().Get("Link") != "" {
		t.Errorf("%s, next %v", got, a.Next)
	}
	if a := page(t, get(h, "/orders", "filter", `{final: true}`)); len(a.Data) != 0 {
		t.Errorf("final: %s", a.Data)
	}
	if a := page(t, get(h, "/orders", "filter", `{final: false}`)); len(a.Data) != 5 || !strings.HasSuffix(string(a.Data[0]), `,"final":false}`) {
		t.Errorf("not final: %s", a.Data)
	}
	if w := get(handler(Options{Data: querier{store}}), "/orders"); w.Header().Get("Feed-Position") != "" || len(page(t, w).Data) != 5 {
		t.Errorf("without a feed: %v", w.Header())
	}
	for _, collection := range Served {
		page(t, get(h, "/"+collection))
	}
}

func TestUnchangedResponsesAreNotSentAgain(t *testing.T) {
	store := teststore.Embedded(t)
	putOrders(t, store)
	h := handler(Options{Data: querier{store}})
	for _, path := range []string{"/orders?limit=3", "/orders/ethereum/seaport/a", "/openapi.json"} {
		first := get(h, path)
		tag := first.Header().Get("ETag")
		getIfNot := func(match string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("If-None-Match", match)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		for _, match := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			if w := getIfNot(match); w.Code != http.StatusNotModified || w.Body.Len() > 0 || w.Header().Get("ETag") != tag {
				t.Errorf("%s with %s: %d, %s", path, match, w.Code, w.Body)
			}
		}
		for _, match := range []string{`"other"`, "", strings.Trim(tag, `"`)} {
			if w := getIfNot(match); w.Code != http.StatusOK || w.Body.String() != first.Body.String() {
				t.Errorf("%s with %s: %d", path, match, w.Code)
			}
		}
	}
	before := get(h, "/orders").Header().Get("ETag")
	put(t, store, "seaport", markets.Order{Key: "a", Status: markets.Canceled})
	if after := get(h, "/orders").Header().Get("ETag"); after == before {
		t.Error("the tag has not changed with the document")
	}
}

func TestDocumentsByKey(t *testing.T) {
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		putOrders(t, store)
		h := handler(Options{Data: querier{store}})
		for _, key := range []string{"ethereum/seaport/a", "ethereum%2Fseaport%2Fa", "ethereum/seaport%2Fa", "ethereum%2Fseaport%2Fe%2Ff%2F%2Fg"} {
			id, err := url.PathUnescape(key)
			if err != nil {
				t.Fatal(err)
			}
			w := get(h, "/orders/"+key)
			if got := idsOf(t, []json.RawMessage{w.Body.Bytes()}); w.Code != http.StatusOK || got[0] != id {
				t.Errorf("%s is %d %v", key, w.Code, got)
			}
		}
		refused(t, get(h, "/orders/ethereum/seaport/none"), http.StatusNotFound, `"ethereum/seaport/none": GET /orders lists them; the _id of one is: chain/market/key`)
		refused(t, get(h, "/orders/none"), http.StatusNotFound, "GET /orders")
		refused(t, get(h, "/actors/none"), http.StatusNotFound, "GET /actors")
		refused(t, get(h, "/orders/ethereum/seaport/a?fields=_id"), http.StatusBadRequest, "takes no parameters")
	})
}

// An order from the owner's memory equals the store's document, byte for byte.
func TestOrdersFromMemoryEqualStoredOnes(t *testing.T) {
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		n := 0
		rapid.Check(t, func(t *rapid.T) {
			for _, doc := range storetest.DrawDocuments(t)[persistence.Orders] {
				var o markets.Order
				if err := json.Unmarshal(doc, &o); err != nil {
					t.Fatal(err)
				}
				n++
				o.Chain, o.Market, o.Key = "ethereum", "seaport", fmt.Sprint(n)
				put(t, store, "seaport", o)
				path := "/orders/" + o.ID()
				stored := get(handler(Options{Data: querier{store}}), path)
				remembered := get(handler(Options{Data: querier{store}, Order: memory(o)}), path)
				if stored.Code != http.StatusOK || stored.Body.String() != remembered.Body.String() {
					t.Fatalf("stored %d:\n%s\nin memory %d:\n%s", stored.Code, stored.Body, remembered.Code, remembered.Body)
				}
			}
		})
	})
}

func TestBadParameters(t *testing.T) {
	store := teststore.Embedded(t)
	putOrders(t, store)
	h := handler(Options{Data: querier{store}})
	for query, want := range map[string]string{
		"fliter={}":                             `unknown parameter "fliter" (did you mean filter?): known are filter, sort, limit, cursor`,
		"limit=1&limit=2":                       "limit is given 2 times",
		"limit=0":                               "from 1 to 1000",
		"limit=1001":                            "from 1 to 1000",
		"limit=-1":                              "from 1 to 1000",
		"limit=x":                               "from 1 to 1000",
		"filter=%zz":                            "escape its parameters",
		`filter={stat`:                          "filter: at character",
		`filter={stats:"SOLD"}`:                 "did you mean status?",
		`filter={"token.collecton":"0x"}`:       "did you mean token.collection?",
		`filter={"maker.x":"0x"}`:               `no field "maker.x" in orders`,
		`filter={$or:[{status:"SOLDD"}]}`:       "did you mean SOLD?",
		`filter={status:{$nin:["LISTED"]}}`:     `status is never "LISTED"`,
		`filter={status:{$exists:1},nothing:1}`: `no field "nothing" in orders`,
		`filter={final:"yes"}`:                  "final is true or false",
		"sort=prise":                            "did you mean price?",
		"sort=--price":                          "more than one minus",
		"sort=final":                            "cannot sort by final",
		"sort=token":                            "token is an object: name a field of it, such as token.collection",
		"sort=bundle.quantity":                  "is in a list",
		"sort=price,-price":                     "price is given twice",
		"sort=price,maker,taker,status,key,_id": "at most 5",
		"cursor=x":                              "cursor: it does not belong to this collection",
		"cursor=" + strings.Repeat("x", 40_000): "cursor: it does not belong to this collection",
	} {
		name, value, _ := strings.Cut(query, "=")
		if !strings.Contains(query, "%") && !strings.Contains(query, "&") {
			query = name + "=" + url.QueryEscape(value)
		}
		refused(t, get(h, "/orders?"+query), http.StatusBadRequest, want)
	}
	refused(t, get(h, "/records", "sort", "fields.name"), http.StatusBadRequest, "may be of any type")
	page(t, get(h, "/records", "filter", `{"fields.anything.at.all": 1}`))
	page(t, get(h, "/orders", "filter", `{"bundle.0.quantity": 1, "bundle.collection": "0x"}`))
}

// A cursor is valid only for the collection, filter and sort that it was made for.
func TestCursorsBelongToTheirQuery(t *testing.T) {
	store := teststore.Embedded(t)
	putOrders(t, store)
	h := handler(Options{Data: querier{store}})
	next := *page(t, get(h, "/orders", "filter", `{maker: "0xM"}`, "sort", "price", "limit", "2")).Next
	page(t, get(h, "/orders", "filter", ` {maker: "0xM"}`, "sort", " price", "limit", "5", "cursor", next))
	for _, other := range [][]string{
		{"/orders", "sort", "price", "cursor", next},
		{"/orders", "filter", `{maker: "0xm"}`, "sort", "price", "cursor", next},
		{"/orders", "filter", `{maker: "0xM"}`, "sort", "-price", "cursor", next},
		{"/orders", "filter", `{maker: "0xM"}`, "cursor", next},
		{"/activities", "filter", `{maker: "0xM"}`, "sort", "price", "cursor", next},
		{"/orders", "filter", `{maker: "0xM"}`, "sort", "price", "cursor", next[1:]},
	} {
		refused(t, get(h, other[0], other[1:]...), http.StatusBadRequest, "cursor: it does not belong to this collection")
	}
}

// Any cursor is answered with a page or a bad request.
func TestHostileCursors(t *testing.T) {
	store := teststore.Embedded(t)
	putOrders(t, store)
	h := handler(Options{Data: querier{store}})
	a, err := parse(documents.Of(persistence.Orders), "sort=listedAt,-price,anomalies,open,status")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.Just[any](nil), rapid.Just[any](true), rapid.Map(rapid.String(), func(s string) any { return s }),
			rapid.Map(rapid.Float64Range(-1e300, 1e300), func(f float64) any { return f }), rapid.Just[any]("2024-01-01T00:00:00Z"), rapid.Just[any]("10"),
			rapid.Just[any]([]any{"x"}), rapid.Just[any](map[string]any{"$gt": ""}),
		)
		values := rapid.SliceOfN(value, 0, 6).Draw(t, "values")
		text, err := json.Marshal(map[string]any{"q": a.Binding, "v": values, "i": rapid.String().Draw(t, "id")})
		if err != nil {
			t.Skip(err)
		}
		w := get(h, "/orders", "sort", "listedAt,-price,anomalies,open,status", "cursor", base64.RawURLEncoding.EncodeToString(text))
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Fatalf("%s: %d %s", text, w.Code, w.Body)
		}
	})
}

func TestUnavailableStore(t *testing.T) {
	store := teststore.Embedded(t)
	w := get(handler(Options{Data: standing{Querier: store, err: errors.New("mongodb://user:secret@host is away")}}), "/orders")
	refused(t, w, http.StatusServiceUnavailable, "the database does not answer")
	if strings.Contains(w.Body.String(), "secret") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

// A request in progress when the server is closed is refused: an empty response would look
// like success.
func TestRequestsAreInterrupted(t *testing.T) {
	h := handler(Options{Data: standing{Querier: teststore.Embedded(t), err: context.Canceled}})
	for _, path := range []string{"/orders", "/orders/ethereum/seaport/a"} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
		refused(t, w, http.StatusServiceUnavailable, "send it again")
		if w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
}

// Lists are refused once their share of the time is used up; documents by key are not.
func TestListsAreLimitedToTheirShare(t *testing.T) {
	store := teststore.Embedded(t)
	putOrders(t, store)
	q := newQueue(1e-9)
	fine := func() error { return nil }
	if err := q.do(t.Context(), fine); err != nil {
		t.Errorf("with a full budget: %v", err)
	}
	q.spend(maxSaved + maxSaved/2)
	if err := q.do(t.Context(), fine); !errors.Is(err, errSpent) {
		t.Errorf("with the budget spent: %v", err)
	}
	s := &server{Options: Options{Data: querier{store}}, now: newMoment(store), lists: q, keys: newQueue(0), shared: newShared(0)}
	w := httptest.NewRecorder()
	s.list(documents.Of(persistence.Orders)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/orders", nil))
	refused(t, w, http.StatusServiceUnavailable, "share of the worker's time")
	r := httptest.NewRequest(http.MethodGet, "/orders/x", nil)
	r.SetPathValue("id", "ethereum/seaport/a")
	w = httptest.NewRecorder()
	s.one(documents.Of(persistence.Orders)).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("by key: %d %s", w.Code, w.Body)
	}
}
