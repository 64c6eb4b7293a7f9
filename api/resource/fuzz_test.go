package resource

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Whatever a query string is: it is refused with a reason, or asks for a bounded page of a
// list whose own cursors it accepts.
func FuzzParse(f *testing.F) {
	for _, query := range []string{
		"", `filter={status:"LISTING"}&sort=-listedAt&limit=2`, "cursor=eyJxIjoiIn0", "limit=1001", "filter=%7B%24or%3A%5B%7B%7D%5D%7D", "a=b;c", "%zz",
		`filter={"token.collection":"0xB0B","price":{$gte:1.5e18,$ne:null}}&sort=unitPrice,-_id`, `sort=sort&sort=sort`,
	} {
		f.Add(uint8(0), query)
	}
	f.Fuzz(func(t *testing.T, collection uint8, query string) {
		of := documents.Of(Served[int(collection)%len(Served)])
		a, err := parse(of, query)
		if err != nil {
			if _, ok := err.(badRequest); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if a.limit < 1 || a.limit > maxLimit {
			t.Fatalf("a page of %d", a.limit)
		}
		cursor, err := a.Cursor(a.after)
		if err != nil {
			return
		}
		if _, err := a.Place(cursor); err != nil {
			t.Fatalf("its own cursor: %v", err)
		}
	})
}

// Whatever a body is: it is refused with a reason, or names what its kind needs and nothing
// else.
func FuzzReadBody(f *testing.F) {
	for _, body := range []string{
		`{"kind":"pause","chain":"ethereum","market":"seaport"}`, `{"kind":"rewind","chain":"e","market":"m","stream":"s","height":7,"dryRun":true}`,
		`{"kind":"retry","deadLetter":"ethereum/seaport/buy/1"}`, `{"kind":"redecode","chain":"e","Market":"M","KIND":"pause"}`, `{"height":1e3}`, `null`, `[]`, `{"kind":"pause"}{}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := readBody(strings.NewReader(text))
		if err != nil {
			if _, ok := err.(badRequest); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if b.Chain == "" || b.Stream != "" && b.Market == "" || b.Kind == persistence.RewindRequest && (b.Height == nil || *b.Height < 0) {
			t.Fatalf("%+v", b)
		}
	})
}

// Whatever a client asks for, the answer is JSON, and not the worker's failure.
func FuzzRequests(f *testing.F) {
	store := teststore.Embedded(f)
	put(f, store, "seaport", markets.Order{Key: "0x1", Price: "7"})
	h := handler(Options{Data: store})
	f.Add("GET", "/orders/ethereum/seaport/0x1", "")
	f.Add("GET", "/orders?filter={}&limit=1", "")
	f.Add("POST", "/requests", `{"kind":"pause","chain":"ethereum","market":"seaport"}`)
	f.Add("GET", "/openapi.json", "")
	f.Fuzz(func(t *testing.T, method, target, body string) {
		r, err := http.NewRequest(method, target, strings.NewReader(body))
		if err != nil || r.URL.Host != "" || !strings.HasPrefix(r.URL.Path, "/") {
			return // net/http's server refuses it
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch kind := w.Header().Get("Content-Type"); {
		case w.Code >= 500 && w.Code != http.StatusServiceUnavailable:
			t.Fatalf("%d: %s", w.Code, w.Body)
		case strings.Contains(kind, "json") && method != http.MethodHead && !json.Valid(w.Body.Bytes()):
			t.Fatalf("not JSON: %s", w.Body)
		}
	})
}
