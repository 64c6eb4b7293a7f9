package aptos

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/imart/event-worker/chains/internal/rawdata"
	"github.com/imart/event-worker/markets"
)

// recordedBodies are the recorded transactions as the REST API answers them.
func recordedBodies(f *testing.F) (bodies [][]byte) {
	f.Helper()
	for _, pattern := range []string{"recordings/aptos/transactions/*.json", "transactions/aptos-*.json", "stream/rest/*.json"} {
		names, err := filepath.Glob("../../testdata/" + pattern)
		if err != nil || len(names) == 0 {
			f.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			body, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, body); err != nil {
				f.Fatal(err)
			}
			bodies = append(bodies, compact.Bytes())
		}
	}
	return bodies
}

// wantedOf are the types of a transaction's events.
func wantedOf(f *testing.F, body []byte) map[string]bool {
	f.Helper()
	_, raws, err := Transaction(body)
	if err != nil {
		f.Fatal(err)
	}
	wanted := map[string]bool{}
	for _, raw := range raws {
		wanted[raw.Type], wanted[withoutAddress(raw.Type)] = true, true
	}
	return wanted
}

// late is a transaction with a time that no document can have.
func late(body []byte) []byte {
	return regexp.MustCompile(`"timestamp":"\d+"`).ReplaceAll(body, []byte(`"timestamp":"9223372036854775807"`))
}

// checkEvents checks what every event owes that was read of whatever a node answered.
func checkEvents(t *testing.T, raws []markets.Raw) {
	t.Helper()
	for _, raw := range raws {
		if raw.Ledger == nil || raw.Transaction == "" || !json.Valid(raw.JSON) || raw.Position.Height < 0 || len(raw.Ledger.Resources) > maxResources || raw.Time.Year() > 9999 {
			t.Fatalf("%+v", raw)
		}
		if again, err := canonical(raw.JSON); utf8.Valid(raw.JSON) && (err != nil || !bytes.Equal(again, raw.JSON)) {
			t.Fatalf("%s in canonical form is %s, %v", raw.JSON, again, err)
		}
	}
}

// Whatever a node answers as a page of the ledger, scanning it ends with events or an
// error, and a page that is read holds the versions that it says.
func FuzzPage(f *testing.F) {
	wanted := map[string]bool{}
	for _, body := range recordedBodies(f) {
		for name := range wantedOf(f, body) {
			wanted[name] = true
		}
		var w struct{ Version number }
		if err := json.Unmarshal(body, &w); err != nil {
			f.Fatal(err)
		}
		f.Add(append(append([]byte("["), body...), ']'), int64(w.Version))
		f.Add(append(append([]byte("["), late(body)...), ']'), int64(w.Version))
	}
	f.Fuzz(func(t *testing.T, body []byte, first int64) {
		s := pageScanner{wanted: wanted, next: first}
		if err := s.scanPage(body); err != nil {
			return
		}
		if s.next < first || s.next-first > int64(len(body)) {
			t.Fatalf("from %d to %d in %d bytes", first, s.next, len(body))
		}
		checkEvents(t, s.raws)
	})
}

// Whatever a node answers as a transaction or as a page of a handle's events.
func FuzzTransaction(f *testing.F) {
	for _, body := range recordedBodies(f) {
		f.Add(body)
		f.Add(late(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, raws, err := Transaction(body); err == nil {
			for _, raw := range raws {
				if raw.Ledger == nil || !json.Valid(raw.JSON) || raw.Time.Year() > 9999 {
					t.Fatalf("%+v", raw)
				}
			}
		}
		var w wireTransaction
		if json.Unmarshal(body, &w) != nil {
			return
		}
		kept, err := w.parse()
		if err != nil {
			return
		}
		for _, e := range w.Events {
			if r, err := joinEvent(e, kept); err == nil && !json.Valid(r.JSON) {
				t.Fatalf("%+v", r)
			}
		}
	})
}

// Whatever the stream answers.
func FuzzStream(f *testing.F) {
	wanted, accounts := map[string]bool{}, map[string]bool{}
	for _, body := range recordedBodies(f) {
		for name := range wantedOf(f, body) {
			wanted[name] = true
		}
		transaction, err := rawdata.FromREST(body)
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range transaction.Events {
			accounts[string(shortAddress(e.Account))] = true
		}
		f.Add(rawdata.Response{ChainID: 1, Transactions: [][]byte{transaction.Append(nil)}}.Append(nil), transaction.Version)
	}
	f.Fuzz(func(t *testing.T, message []byte, first int64) {
		var response rawdata.Response
		if response.Read(message) != nil {
			return
		}
		s := pageScanner{wanted: wanted, accounts: accounts, next: first}
		for _, m := range response.Transactions {
			var transaction rawdata.Transaction
			if transaction.Read(m) != nil {
				return
			}
			if kept, err := parseStreamed(&transaction); err == nil && (kept.time.Year() > 9999 || len(kept.ledger.Resources) > maxResources || len(kept.indices) > len(m)) {
				t.Fatalf("%+v", kept)
			}
			if s.scanStreamed(&transaction) != nil {
				return
			}
		}
		if s.next-first != int64(len(response.Transactions)) {
			t.Fatalf("from %d to %d in %d transactions", first, s.next, len(response.Transactions))
		}
		checkEvents(t, s.raws)
		for _, h := range s.handleEvents {
			if r, err := joinEvent(h.event, h.transaction); err == nil && !json.Valid(r.JSON) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
