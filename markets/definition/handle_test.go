package definition_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

const byHandle = `market: shop
kind: aptos
chains:
  mainnet: {chainId: 1, account: "0x5"}
types: |
  struct Sold { id: u64, price: u64 }
streams:
  buy:
    - {handle: "HANDLE", event: "EVENT", becomes: {kind: bought, order: '"ask-" + id', price: price, currency: '"0x1::aptos_coin::AptosCoin"'}}
`

// long is an address in 64 digits.
func long(digit string) string { return "0x" + strings.Repeat("0", 63) + digit }

// handleEvents is a transaction with events of several handles and types, and the
// resource of one of the handles.
func handleEvents(home string) []markets.Raw {
	ledger := &markets.AptosTransaction{Version: 10, Resources: []markets.AptosResource{{
		Address: long("5"), Type: "0x" + home + "::m::Shop",
		Data: json.RawMessage(`{"sold_events":{"counter":"3","guid":{"id":{"addr":"0x5","creation_num":"7"}}},"other_events":{"guid":{"id":{"addr":"0x5","creation_num":"8"}}}}`),
	}}}
	var out []markets.Raw
	for i, e := range []struct{ handle, name, data string }{
		{long("5") + "/7", long(home) + "::m::Sold", `{"id":"1","price":"5"}`},
		{long("5") + "/8", long(home) + "::m::Sold", `{"id":"2","price":"5"}`},
		{long("6") + "/7", long(home) + "::m::Sold", `{"id":"3","price":"5"}`},
		{long("5") + "/7", long(home) + "::m::Gone", `{"id":"4"}`},
		{long("0") + "/0", long("1") + "::coin::Deposit", `{"amount":"4"}`},
	} {
		out = append(out, markets.Raw{
			Position: markets.Position{Height: 10, Log: int32(i)}, Transaction: "0xa", Type: e.name, Handle: e.handle, JSON: json.RawMessage(e.data), Ledger: ledger,
		})
	}
	return out
}

// Explain says of a transaction's events what the stream makes of them when it is followed:
// of all events of its handle, whatever their types, and of no others.
func TestExplainedByHandleAsRun(t *testing.T) {
	for _, c := range []struct{ handle, event, home string }{
		{"m::Shop/sold_events", "m::Sold", "5"},
		{"0x9::m::Shop/sold_events", "m::Sold", "9"}, // the handle's own module
		{"0x9::m::Shop/sold_events", "0x9::m::Sold", "9"},
		{"m::Shop/sold_events", "Sold", "5"},
	} {
		d := parsed(t, strings.NewReplacer("HANDLE", c.handle, "EVENT", c.event).Replace(byHandle))
		s := on(t, d, definition.Site{ChainID: 1}).Streams[0]
		transaction := handleEvents(c.home)
		run, failures := s.DecodeAll([]markets.Raw{transaction[0], transaction[3]}) // what the handle has
		if len(run) != 1 || len(failures) != 1 {
			t.Errorf("%+v: %+v, %v", c, run, failures)
		}
		for i := range transaction {
			verdicts, err := d.Explain(definition.Site{ChainID: 1}, transaction, i)
			if err != nil {
				t.Fatal(err)
			}
			switch i {
			case 0:
				if len(verdicts) != 1 || len(verdicts[0].Events) != 1 || verdicts[0].Events[0].Order != "ask-1" {
					t.Errorf("%+v: event %d: %+v", c, i, verdicts)
				}
			case 3:
				if len(verdicts) != 1 || !strings.Contains(verdicts[0].Reason, "cannot be decoded") {
					t.Errorf("%+v: event %d: %+v", c, i, verdicts)
				}
			default:
				if len(verdicts) > 0 {
					t.Errorf("%+v: event %d: %+v", c, i, verdicts)
				}
			}
		}
	}
}
