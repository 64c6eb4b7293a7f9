package aptos

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/imart/event-worker/markets"
)

// ledger is a fullnode with handles whose events the tests make up. Unlike the
// replay node it has any number of handles in one transaction and any ledger, and
// it can be made to lie.
type ledger struct {
	chain *Chain
	url   string

	mu      sync.Mutex
	top     int64      // the newest version
	events  [][]string // by version: the fields of its handles' events, in order; "" is a module event
	maxPage int
	asked   map[string]int // requests by their last path segment but one
	lie     func(path string, body []byte) (int, []byte)
}

const account = "0xabc" // leading zeros are lost, as Aptos loses them

var fields = []string{"list", "buy"}

func startLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{}
	l.reset(nil)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1", func(w http.ResponseWriter, r *http.Request) {
		l.write(w, r, map[string]any{"chain_id": 7, "ledger_version": strconv.FormatInt(l.top, 10)})
	})
	mux.HandleFunc("GET /v1/accounts/{account}/events/{handle}/{field}", func(w http.ResponseWriter, r *http.Request) {
		start, _ := strconv.Atoi(r.URL.Query().Get("start"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		page := l.handle(r.PathValue("field"))
		page = page[min(start, len(page)):]
		l.write(w, r, page[:min(limit, l.maxPage, len(page))])
	})
	mux.HandleFunc("GET /v1/transactions/by_version/{version}", func(w http.ResponseWriter, r *http.Request) {
		version, _ := strconv.ParseInt(r.PathValue("version"), 10, 64)
		if version > l.top {
			http.NotFound(w, r)
			return
		}
		l.write(w, r, l.whole(version))
	})
	mux.HandleFunc("GET /v1/transactions", func(w http.ResponseWriter, r *http.Request) {
		start, _ := strconv.ParseInt(r.URL.Query().Get("start"), 10, 64)
		limit, _ := strconv.ParseInt(r.URL.Query().Get("limit"), 10, 64)
		page := []any{}
		for version := start; version <= l.top && int64(len(page)) < min(limit, int64(l.maxPage)); version++ {
			page = append(page, l.whole(version))
		}
		l.write(w, r, page)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		parts := strings.Split(r.URL.Path, "/")
		l.asked[parts[max(len(parts)-2, 0)]]++
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	l.url = server.URL
	l.chain = l.open(t)
	return l
}

func (l *ledger) open(t testing.TB) *Chain {
	chain, err := New(Config{URL: l.url, ChainID: 7, Sources: []markets.Source{byModule, byBoth}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
	return chain
}

// reset begins another ledger, at version 0.
func (l *ledger) reset(events [][]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.top, l.events, l.maxPage, l.asked, l.lie = 0, events, 100, map[string]int{}, nil
	if l.chain != nil {
		l.chain.transactions.Purge()
		l.chain.pages.Purge()
	}
}

func (l *ledger) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *ledger) write(w http.ResponseWriter, r *http.Request, v any) {
	w.Header().Set(chainIDHeader, "7")
	w.Header().Set(versionHeader, strconv.FormatInt(l.top, 10))
	body, _ := json.Marshal(v)
	if l.lie != nil {
		var status int
		status, body = l.lie(r.URL.Path, body)
		w.WriteHeader(status)
	}
	w.Write(body)
}

// handle is the events of a handle up to the newest version.
func (l *ledger) handle(field string) []map[string]any {
	events := []map[string]any{}
	for version := range min(l.top+1, int64(len(l.events))) {
		for _, e := range l.transaction(version) {
			if e["field"] == field {
				e["version"] = strconv.FormatInt(version, 10)
				events = append(events, e)
			}
		}
	}
	return events
}

// whole is the transaction of a version.
func (l *ledger) whole(version int64) map[string]any {
	return map[string]any{
		"version": strconv.FormatInt(version, 10), "hash": fmt.Sprintf("0x%064x", version), "sender": "0x5",
		"timestamp": strconv.FormatInt(1_700_000_000_000_000+version, 10), "events": l.transaction(version),
		"changes": []any{},
	}
}

// transaction is the events of a version.
func (l *ledger) transaction(version int64) []map[string]any {
	before := map[string]int{}
	for _, fields := range l.events[:min(version, int64(len(l.events)))] {
		for _, field := range fields {
			before[field]++
		}
	}
	events := []map[string]any{}
	if version >= int64(len(l.events)) {
		return events
	}
	for i, field := range l.events[version] {
		events = append(events, map[string]any{
			"guid": guid(field), "sequence_number": strconv.Itoa(before[field]), "field": field,
			"type": typeOf(field), "data": map[string]any{"version": version, "index": i},
		})
		if field != "" {
			before[field]++
		}
	}
	return events
}

// typeOf is the type of a handle's events, or of module events.
func typeOf(field string) string {
	if field == "" {
		return account + "::market::Module<0x1::a::B>"
	}
	return account + "::market::Event"
}

func guid(field string) map[string]string {
	for i, f := range fields {
		if f == field {
			return map[string]string{"creation_number": strconv.Itoa(10 + i), "account_address": account}
		}
	}
	return map[string]string{"creation_number": "0", "account_address": "0x0"}
}
