package replay_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/chains/replay/replaytest"
)

const tradeport = "0xe11c12ec495f3989c35e1c6a0af414451223305b579291fc8f3d9d0575a23c26"

const (
	listings = tradeport + "::listings_v2::ListingStore"
	bids     = tradeport + "::biddings_v2::BidStore"
)

type aptosEvent struct {
	Version  string `json:"version"`
	Sequence string `json:"sequence_number"`
	GUID     struct {
		Number  string `json:"creation_number"`
		Account string `json:"account_address"`
	} `json:"guid"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

type aptosTransaction struct {
	Version string       `json:"version"`
	Events  []aptosEvent `json:"events"`
}

// get asks an Aptos node, decodes its answer and returns the status and headers.
func get(t interface {
	Helper()
	Fatal(...any)
}, url string, into any) (int, http.Header) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatal(url, res.Status, err)
	}
	return res.StatusCode, res.Header
}

func eventsURL(n *replay.Node, handle, field, query string) string {
	return n.URL() + "/accounts/" + tradeport + "/events/" + handle + "/" + field + query
}

func recordedTransactions(t *testing.T) []aptosTransaction {
	t.Helper()
	folder := recordings + "aptos/transactions/"
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var out []aptosTransaction
	for _, e := range entries {
		data, err := os.ReadFile(folder + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		var tx aptosTransaction
		if err := json.Unmarshal(data, &tx); err != nil {
			t.Fatal(err)
		}
		out = append(out, tx)
	}
	return out
}

func TestHandlesHoldTheRecordedEvents(t *testing.T) {
	r := open(t, "aptos")
	n := replaytest.Serve(t, r)
	n.Finish()
	for i, handle := range []struct{ resource, field, number string }{
		{listings, "insert_listing_events", "15"}, {listings, "delete_listing_events", "16"}, {listings, "buy_events", "17"},
		{bids, "insert_token_bid_events", "18"}, {bids, "delete_token_bid_events", "19"}, {bids, "accept_token_bid_events", "20"},
		{bids, "insert_collection_bid_events", "21"}, {bids, "delete_collection_bid_events", "22"}, {bids, "accept_collection_bid_events", "23"},
	} {
		var want []aptosEvent
		var numbers []int64
		for _, tx := range recordedTransactions(t) {
			for _, e := range tx.Events {
				if e.GUID.Account == tradeport && e.GUID.Number == handle.number {
					e.Version = tx.Version
					want = append(want, e)
					sequence, _ := strconv.ParseInt(e.Sequence, 10, 64)
					numbers = append(numbers, sequence)
				}
			}
		}
		var got []aptosEvent
		if status, _ := get(t, eventsURL(n, handle.resource, handle.field, "?start=0"), &got); status != http.StatusOK {
			t.Fatalf("handle %d: status %d", i, status)
		}
		if text(got) != text(want) || len(got) == 0 {
			t.Errorf("%s: got %s, want %s", handle.field, text(got), text(want))
		}
		if recorded := r.Numbers(tradeport, handle.resource, handle.field); !slices.Equal(recorded, numbers) {
			t.Errorf("%s: Numbers %v, want %v", handle.field, recorded, numbers)
		}
	}
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// Pages of any size, read at any head, add up to what the handle holds up to it.
func TestPages(t *testing.T) {
	r := open(t, "aptos")
	n := replaytest.Serve(t, r)
	numbers := r.Numbers(tradeport, listings, "buy_events")
	if len(numbers) != 4 { // four purchases in one transaction, as recorded
		t.Fatalf("recorded %v", numbers)
	}
	n.Finish()
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Int64Range(numbers[0]-2, numbers[3]+2).Draw(t, "start")
		limit := rapid.IntRange(1, 6).Draw(t, "limit")
		var want []int64
		for _, s := range numbers {
			if s >= start && len(want) < limit {
				want = append(want, s)
			}
		}
		query := fmt.Sprintf("?start=%d&limit=%d", start, limit)
		if got := sequences(t, eventsURL(n, listings, "buy_events", query)); !slices.Equal(got, want) {
			t.Fatalf("%s: %v, want %v", query, got, want)
		}
		newest := numbers[max(len(numbers)-limit, 0):]
		query = fmt.Sprintf("?limit=%d", limit)
		if got := sequences(t, eventsURL(n, listings, "buy_events", query)); !slices.Equal(got, newest) {
			t.Fatalf("%s: %v, want %v", query, got, newest)
		}
	})
}

func sequences(t interface {
	Helper()
	Fatal(...any)
}, url string) []int64 {
	var events []aptosEvent
	if status, _ := get(t, url, &events); status != http.StatusOK {
		t.Fatal(url, status)
	}
	var out []int64
	for _, e := range events {
		n, err := strconv.ParseInt(e.Sequence, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// An event is served from the moment that the head reaches its version, and so is
// the transaction; every answer's headers tell the head.
func TestLedgerGrows(t *testing.T) {
	n := replaytest.Serve(t, open(t, "aptos"))
	const version = 2386455218 // of the four purchases
	for {
		head := n.Head()
		var ledger struct {
			ChainID int    `json:"chain_id"`
			Version string `json:"ledger_version"`
		}
		get(t, n.URL(), &ledger)
		var events []aptosEvent
		_, headers := get(t, eventsURL(n, listings, "buy_events", ""), &events)
		for _, got := range []string{ledger.Version, headers.Get("X-Aptos-Ledger-Version")} {
			if got != strconv.FormatInt(head, 10) {
				t.Fatalf("head %s, want %d", got, head)
			}
		}
		if ledger.ChainID != 1 || headers.Get("X-Aptos-Chain-Id") != "1" {
			t.Fatalf("chain %d", ledger.ChainID)
		}
		var tx aptosTransaction
		status, _ := get(t, fmt.Sprintf("%s/transactions/by_version/%d", n.URL(), version), &tx)
		if (len(events) == 4) != (head >= version) || (status == http.StatusOK) != (head >= version) {
			t.Fatalf("head %d: %d events, transaction %d", head, len(events), status)
		}
		if !n.Step() {
			break
		}
	}
}

func TestAptosErrors(t *testing.T) {
	n := replaytest.Serve(t, open(t, "aptos"))
	for url, want := range map[string]struct {
		status int
		code   string
	}{
		eventsURL(n, listings, "buy_events", "?limit=0"):          {400, "invalid_input"},
		eventsURL(n, listings, "buy_events", "?limit=-1"):         {400, "invalid_input"},
		eventsURL(n, listings, "buy_events", "?start=x"):          {400, "invalid_input"},
		eventsURL(n, listings, "sell_events", ""):                 {404, "resource_not_found"},
		eventsURL(n, "0x1::coin", "buy_events", ""):               {404, "resource_not_found"},
		n.URL() + "/transactions/by_version/2386455219":           {404, "transaction_not_found"},
		n.URL() + "/transactions/by_version/x":                    {400, "invalid_input"},
		n.URL() + "/transactions?start=99999999999":               {404, "transaction_not_found"},
		n.URL() + "/transactions?limit=0":                         {400, "invalid_input"},
		n.URL() + "/transactions/by_hash/0x00":                    {404, "transaction_not_found"},
		n.URL() + "/nothing":                                      {404, "web_framework_error"},
		n.URL() + "/transactions/by_version/99999999999999999999": {400, "invalid_input"},
	} {
		var answer struct {
			Message string `json:"message"`
			Code    string `json:"error_code"`
		}
		status, _ := get(t, url, &answer)
		if status != want.status || answer.Code != want.code || answer.Message == "" {
			t.Errorf("%s: %d %+v, want %+v", url, status, answer, want)
		}
	}
}

func TestPageBeyondTheLastEventIsEmpty(t *testing.T) {
	n := replaytest.Serve(t, open(t, "aptos"))
	n.Finish()
	for _, start := range []string{"61372", "18446744073709551615"} {
		if got := sequences(t, eventsURL(n, listings, "buy_events", "?limit=65535&start="+start)); got != nil {
			t.Errorf("start %s: %v", start, got)
		}
	}
}

// Pages of the ledger hold every version, recorded or not, up to the head.
func TestPagesOfTransactions(t *testing.T) {
	n := replaytest.Serve(t, open(t, "aptos"))
	n.Finish()
	var page []struct{ Version, Hash, Timestamp, Type string }
	read := func(query string, from int64, count int) {
		t.Helper()
		page = nil
		get(t, n.URL()+"/transactions"+query, &page)
		if len(page) != count {
			t.Fatalf("%s: %d transactions, want %d", query, len(page), count)
		}
		for i, tx := range page {
			if tx.Version != strconv.FormatInt(from+int64(i), 10) || len(tx.Hash) != 66 || tx.Timestamp == "" {
				t.Errorf("%s: %+v at %d", query, tx, i)
			}
		}
	}
	read("?start=2386889880&limit=10", 2386889880, 10)
	if page[4].Hash == page[3].Hash || page[4].Type == page[3].Type {
		t.Errorf("the recorded one is %+v, the one before it %+v", page[4], page[3])
	}
	read("?start=2386889880&limit=1000", 2386889880, 100)
	read("?start=2386889880", 2386889880, 25)
	read(fmt.Sprintf("?start=%d&limit=100", n.Head()-2), n.Head()-2, 3)
	read("?limit=7", n.Head()-6, 7)
}
