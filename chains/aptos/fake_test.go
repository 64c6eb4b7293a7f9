package aptos

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/rawdata"
	"github.com/imart/event-worker/markets"
)

// ledger is a fullnode with handles whose events the tests make up. Unlike the
// replay node it has any number of handles in one transaction and any ledger, and
// it can be made to lie.
type ledger struct {
	chain     *Chain
	streaming *Chain // reads the stream, if there is one
	url       string
	log       *slog.Logger

	mu         sync.Mutex
	top        int64      // the newest version
	events     [][]string // by version: the fields of its handles' events, in order; "" is a module event
	maxPage    int
	asked      map[string]int // requests by their last path segment but one
	lie        func(path string, body []byte) (int, []byte)
	moved      chan struct{} // closed when anything changes
	era        int           // counts the ledgers: streams of another one end
	batch, cut int           // transactions in a response; responses until a stream ends
	refuse     error         // what streams end with
	otherChain bool          // the stream is of another one
	lieStream  func(*rawdata.Transaction)

	gate      func(r *http.Request) // what every request passes first, if there is one
	hidden    int64                 // events of handles below this number are pruned
	oldest    string                // the header that tells of it, if it is set
	missing   bool                  // the handles do not exist
	undated   bool                  // errors have no headers
	forgetful bool                  // older state is pruned
}

const account = "0xabc" // leading zeros are lost, as Aptos loses them

var fields = []string{"list", "buy"}

func startLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{log: slog.New(slog.DiscardHandler)}
	l.reset(nil)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1", func(w http.ResponseWriter, r *http.Request) {
		l.write(w, r, map[string]any{"chain_id": 7, "ledger_version": strconv.FormatInt(l.top, 10)})
	})
	mux.HandleFunc("GET /v1/accounts/{account}/events/{handle}/{field}", func(w http.ResponseWriter, r *http.Request) {
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		page := l.handle(r.PathValue("field"))
		start := max(len(page)-limit, 0)
		if r.URL.Query().Has("start") {
			start, _ = strconv.Atoi(r.URL.Query().Get("start"))
		}
		switch {
		case l.missing:
			l.fail(w, http.StatusNotFound, "Resource not found by Address(0xabc)", "resource_not_found")
			return
		case int64(start) < l.hidden:
			l.fail(w, http.StatusGone, "pruned", "version_pruned")
			return
		}
		page = page[min(start, len(page)):]
		l.write(w, r, page[:min(limit, l.maxPage, len(page))])
	})
	mux.HandleFunc("GET /v1/accounts/{account}/resource/{handle}", func(w http.ResponseWriter, r *http.Request) {
		data := map[string]any{}
		version := l.top
		if text := r.URL.Query().Get("ledger_version"); text != "" {
			version, _ = strconv.ParseInt(text, 10, 64)
		}
		switch {
		case l.missing:
			l.fail(w, http.StatusNotFound, "Resource not found by Address(0xabc)", "resource_not_found")
			return
		case version < l.top && l.forgetful:
			l.fail(w, http.StatusGone, "pruned", "version_pruned")
			return
		case version > l.top:
			l.fail(w, http.StatusNotFound, "Ledger version not found", "version_not_found")
			return
		}
		for _, field := range fields {
			events := slices.DeleteFunc(l.handle(field), func(e map[string]any) bool { return parsed(e["version"].(string)) > version })
			of := guid(field)
			data[field] = map[string]any{
				"counter": strconv.Itoa(len(events)),
				"guid":    map[string]any{"id": map[string]any{"addr": of["account_address"], "creation_num": of["creation_number"]}},
			}
		}
		l.write(w, r, map[string]any{"type": r.PathValue("handle"), "data": data})
	})
	mux.HandleFunc("GET /v1/transactions/by_version/{version}", func(w http.ResponseWriter, r *http.Request) {
		version, _ := strconv.ParseInt(r.PathValue("version"), 10, 64)
		if version < parsed(l.oldest) {
			l.fail(w, http.StatusGone, "pruned", "version_pruned")
			return
		}
		if version > l.top {
			http.NotFound(w, r)
			return
		}
		l.write(w, r, l.whole(version))
	})
	mux.HandleFunc("GET /v1/transactions", func(w http.ResponseWriter, r *http.Request) {
		start, _ := strconv.ParseInt(r.URL.Query().Get("start"), 10, 64)
		limit, _ := strconv.ParseInt(r.URL.Query().Get("limit"), 10, 64)
		if start < parsed(l.oldest) {
			l.fail(w, http.StatusGone, "pruned", "version_pruned")
			return
		}
		page := []any{}
		for version := start; version <= l.top && int64(len(page)) < min(limit, int64(l.maxPage)); version++ {
			page = append(page, l.whole(version))
		}
		l.write(w, r, page)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.gate != nil {
			l.gate(r)
		}
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
	chain, err := New(Config{Endpoints: []chains.Endpoint{{URL: l.url}}, ChainID: 7, Sources: []markets.Source{byModule, byBoth}, Log: slog.New(slog.DiscardHandler)})
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
	l.era++
	l.batch, l.cut, l.refuse, l.otherChain, l.lieStream = 10, 0, nil, false, nil
	l.move()
	if c := l.streaming; c != nil {
		c.transactions.Purge()
		c.pages.Purge()
		c.handles = map[string]*handleState{}
		c.stream.mu.Lock()
		for _, f := range c.stream.sessions {
			f.cancel()
		}
		c.stream.sessions, c.stream.health = nil, streamHealth{}
		c.stream.mu.Unlock()
	}
	l.hidden, l.oldest, l.missing, l.forgetful, l.undated = 0, "", false, false, false
	if l.chain != nil {
		l.chain.handles = map[string]*handleState{}
		l.chain.transactions.Purge()
		l.chain.pages.Purge()
	}
}

func (l *ledger) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	l.move()
}

func (l *ledger) move() {
	if l.moved != nil {
		close(l.moved)
	}
	l.moved = make(chan struct{})
}

// fail answers with an error of the API.
func (l *ledger) fail(w http.ResponseWriter, status int, message, code string) {
	if !l.undated {
		l.head(w)
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q,"error_code":%q}`, message, code)
}

func (l *ledger) head(w http.ResponseWriter) {
	w.Header().Set(chainIDHeader, "7")
	w.Header().Set(versionHeader, strconv.FormatInt(l.top, 10))
	if l.oldest != "" {
		w.Header().Set(oldestHeader, l.oldest)
	}
}

func (l *ledger) write(w http.ResponseWriter, r *http.Request, v any) {
	l.head(w)
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

func parsed(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

func guid(field string) map[string]string {
	for i, f := range fields {
		if f == field {
			return map[string]string{"creation_number": strconv.Itoa(10 + i), "account_address": account}
		}
	}
	return map[string]string{"creation_number": "0", "account_address": "0x0"}
}
