package aptos

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/imart/event-worker/actors/currencies"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

func long(digit string) string { return "0x" + strings.Repeat("0", 64-len(digit)) + digit }

// resourceNode is a fullnode with resources, by account and type.
type resourceNode struct {
	resources map[string]string
	asked     atomic.Int64

	mu      sync.Mutex
	version int64
	answer  func(w http.ResponseWriter) bool // instead, if it says so
}

func (n *resourceNode) set(version int64, answer func(w http.ResponseWriter) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.version, n.answer = version, answer
}

func (n *resourceNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.asked.Add(1)
	n.mu.Lock()
	defer n.mu.Unlock()
	w.Header().Set(chainIDHeader, "7")
	w.Header().Set(versionHeader, decimal(n.version))
	fail := func(status int, message, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"message":%q,"error_code":%q}`, message, code)
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/accounts/"), "/resource/")
	data, ok := n.resources[parts[0]+" "+parts[1]]
	switch {
	case n.answer != nil && n.answer(w):
	case r.URL.Query().Get("ledger_version") != "90":
		fail(http.StatusNotFound, "Ledger version not found", "version_not_found")
	case strings.Contains(parts[1], "<"+long("bad")):
		fail(http.StatusBadRequest, "parse arguments failed: invalid struct tag", "invalid_input")
	case !ok:
		fail(http.StatusNotFound, "Resource not found by Address("+parts[0]+"), Struct tag("+parts[1]+") and Ledger version(90)", "resource_not_found")
	default:
		fmt.Fprintf(w, `{"type":%q,"data":%s}`, parts[1], data)
	}
}

func TestCurrencies(t *testing.T) {
	coin := func(address string) string {
		account, _, _ := strings.Cut(address, "::")
		return account + " 0x1::coin::CoinInfo<" + address + ">"
	}
	asset := func(address string) string { return address + " 0x1::fungible_asset::Metadata" }
	info := func(symbol string, decimals any) string {
		data, _ := json.Marshal(map[string]any{"symbol": symbol, "decimals": decimals, "name": "The " + symbol, "icon_uri": strings.Repeat("x", 1000)})
		return string(data)
	}
	usdc, usdt, lp := long("abc")+"::asset::USDC", long("357b"), long("5")+"::swap::LP<"+long("1")+"::a::A,"+long("2")+"::b::B>"
	node := &resourceNode{resources: map[string]string{
		coin(usdc): info("USDC", 6), asset(usdt): info("USDt", 6), coin(lp): info("LP", 8),
		asset(long("1a")): info("ZERO", 0), asset(long("1b")): info("MANY", 255), asset(long("1c")): info("X\x1b[2J\u202eY", 3), asset(long("1d")): info("\u202e", 4),
		asset(long("1e")): `{"symbol": 7}`, asset(long("1f")): `{"supply": null}`, asset(long("20")): info("NEG", -1), asset(long("21")): info(strings.Repeat("ab", 1<<16), 1),
	}}
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	cases := []struct {
		address  string
		symbol   string
		decimals int
		reason   string
	}{
		{"0xabc::asset::USDC", "USDC", 6, ""},
		{"0x357b", "USDt", 6, ""},
		{usdt, "USDt", 6, ""},
		{"0x5::swap::LP<0x1::a::A, 0x2::b::B>", "LP", 8, ""},
		{"0x1a", "ZERO", 0, ""},
		{"0x1b", "", 0, "decimals: not from 0 to 77"},
		{"0x1c", "X[2JY", 3, ""},
		{"0x1d", "", 4, "symbol: no printable characters"},
		{"0x1e", "", 0, "its resource is malformed"},
		{"0x1f", "", 0, "symbol: no printable characters; decimals: not from 0 to 77"},
		{"0x20", "", 0, "decimals: not from 0 to 77"},
		{"0x21", strings.Repeat("ab", 16), 1, ""},
		{"0x99", "", 0, "neither a coin nor a fungible asset"},
		{"0xbad::a::B", "", 0, "neither a coin nor a fungible asset"},
	}
	events := func() (out []markets.Event) {
		for _, c := range cases {
			out = append(out, markets.Event{Position: markets.Position{Height: 80}, Currency: markets.Currency{Address: c.address}})
		}
		return append(out, markets.Event{Currency: markets.Currency{Address: "dollars"}})
	}
	complete := func() ([]markets.Event, error) {
		server := httptest.NewServer(node)
		defer server.Close() // waits for requests that were given up, so all are counted
		chain, err := New(Config{Endpoints: []chains.Endpoint{{URL: server.URL}}, ChainID: 7, Sources: []markets.Source{byModule}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer chain.Close()
		es := events()
		return es, currencies.New("aptos", markets.Aptos, chain, store).Complete(t.Context(), chains.NewLedger(90), es)
	}
	docs := func() map[string]persistence.KnownCurrency {
		all, err := persistence.Collect[persistence.KnownCurrency](t.Context(), store, persistence.Query{Collection: persistence.Currencies})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]persistence.KnownCurrency{}
		for _, k := range all {
			found[k.ID] = k
		}
		return found
	}

	node.set(89, nil) // it lags
	if _, err := complete(); !errors.Is(err, chains.ErrAhead) || len(docs()) > 0 {
		t.Errorf("a node that lags: %v, %d stored", err, len(docs()))
	}
	for name, answer := range map[string]func(http.ResponseWriter) bool{
		"an error":            func(w http.ResponseWriter) bool { http.Error(w, "oh", http.StatusInternalServerError); return true },
		"another resource":    func(w http.ResponseWriter) bool { fmt.Fprint(w, `{}`); return true },
		"nonsense":            func(w http.ResponseWriter) bool { fmt.Fprint(w, `<html>`); return true },
		"nothing to be found": func(w http.ResponseWriter) bool { http.NotFound(w, nil); return true },
	} {
		node.set(100, answer)
		if es, err := complete(); err == nil || len(docs()) > 0 || es[0].Currency.Symbol != "" {
			t.Errorf("%s: %v, %d stored", name, err, len(docs()))
		}
	}
	node.set(100, nil)
	for _, requests := range []int64{int64(len(cases)) - 1, 0} { // two are one asset; what is known is not asked for again
		before := node.asked.Load()
		es, err := complete()
		if err != nil {
			t.Fatal(err)
		}
		if n := node.asked.Load() - before; n != requests {
			t.Errorf("%d requests, want %d", n, requests)
		}
		for i, c := range cases {
			if got, want := es[i].Currency, (markets.Currency{Address: c.address, Symbol: c.symbol, Decimals: c.decimals}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		found := docs()
		if len(found) != len(cases)-1 {
			t.Errorf("%d stored", len(found))
		}
		for id, reason := range map[string]string{"aptos/" + usdc: "", "aptos/" + usdt: "", "aptos/" + long("1b"): cases[5].reason, "aptos/" + long("bad") + "::a::B": cases[13].reason} {
			if k, ok := found[id]; !ok || k.Reason != reason || k.Height != 90 {
				t.Errorf("%s: %+v", id, k)
			}
		}
	}
}
