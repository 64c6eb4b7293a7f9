package transactions

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
)

// checkTransactions checks what every transaction owes, whatever text of a size it was read
// of: events are of its kind, and at places and times that exist.
func checkTransactions(t *testing.T, all []Transaction, size int) {
	t.Helper()
	events := 0
	for _, tx := range all {
		for _, raw := range tx.Raws {
			if p := raw.Position; p.Height < 0 || p.Transaction < 0 || p.Log < 0 || raw.Seq < 0 || raw.Time.Unix() > 253402300799 {
				t.Fatalf("%+v at %v", p, raw.Time)
			}
			if aptos := raw.Ledger != nil; aptos != (tx.Kind == markets.Aptos) || aptos && !json.Valid(raw.JSON) {
				t.Fatalf("an event of %s: %+v", tx.Kind, raw)
			}
		}
		events += len(tx.Raws)
	}
	if events > size {
		t.Fatalf("%d events in %d bytes", events, size)
	}
}

// Whatever a file is that should have a transaction.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("../../testdata/transactions/*.json")
	if err != nil || len(names) == 0 {
		f.Fatal(len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"result":{"timestamp":9e99,"logs":[{"blockNumber":"0xffffffffffffffff","logIndex":"0x80000000","blockTimestamp":"0xffffffffffffffff","topics":[]}]}}`))
	f.Add([]byte(strings.Repeat(`{"result":`, 100) + "1"))
	f.Add([]byte(strings.Repeat("[", 100) + strings.Repeat("]", 100)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if all, err := Parse(text); err == nil {
			checkTransactions(t, all, len(text))
		}
	})
}

// Whatever a node answers, in the order of the questions.
func FuzzFetch(f *testing.F) {
	var answers [][]byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if len(answers) > 0 {
			_, _ = w.Write(answers[0])
			answers = answers[1:]
		}
	}))
	f.Cleanup(server.Close)
	aptos, err := os.ReadFile("../../testdata/transactions/aptos-token-offer.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(true, aptos, []byte{}, []byte{}, []byte{})
	f.Add(false, []byte(`{"result":"0x1"}`), []byte(`{"result":{"blockHash":"0x1","logs":[{"topics":[],"data":"0x","blockNumber":"0x7"}]}}`),
		[]byte(`{"result":{"timestamp":"0x65"}}`), []byte(`{"result":{"from":"0x00000000000000adc04c56bf30ac9d3c0aaf14dc","value":"0x7"}}`))
	f.Add(false, []byte(`{"result":"0x1"}`), []byte(`{"result":{"logs":[{"topics":[]}]}}`), []byte(`{"result":{"timestamp":"0xffffffffffffffff"}}`), []byte(`{"error":{"code":-1}}`))
	f.Add(false, []byte(`{"error":{"code":-32000,"message":"`+strings.Repeat("no ", 99)+`"}}`), []byte{}, []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, isAptos bool, first, second, third, fourth []byte) {
		answers = [][]byte{first, second, third, fourth}
		kind := markets.EVM
		if isAptos {
			kind = markets.Aptos
		}
		tx, _, err := Fetch(t.Context(), kind, server.URL+"/secret-key", "0x1")
		if err == nil {
			checkTransactions(t, []Transaction{tx}, len(first)+len(second))
		} else if text := err.Error(); strings.Contains(text, "secret-key") || len(text) > 2000 {
			t.Fatalf("%.3000q", text)
		}
	})
}
