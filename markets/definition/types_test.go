package definition_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains/transactions"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

func parsed(t *testing.T, text string) *definition.Definition {
	t.Helper()
	d, err := definition.Parse(definition.Source{File: "test.yaml", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func on(t *testing.T, d *definition.Definition, site definition.Site) markets.Market {
	t.Helper()
	m, err := d.On(site)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const claims = `market: claims
kind: aptos
chains:
  mainnet: {chainId: 1, account: "0x3", start: 2000000000}
types: |
  struct token_transfers::Offer { account: address, to_address: address, token_id: TokenId, amount: u64 }
  struct token_transfers::CancelOffer { account: address, to_address: address, token_id: TokenId, amount: u64 }
streams:
  offer:
    - event: token_transfers::Offer
      becomes:
        kind: recorded
        maker: account
        record: {type: claim, key: 'hash(account, to_address, token_id.token_data_id.name)', fields: {status: '"open"', name: token_id.token_data_id.name}}
    - event: 0x3::token_transfers::CancelOffer
      becomes:
        kind: record_removed
        maker: account
        record: {type: claim, key: 'hash(account, to_address, token_id.token_data_id.name)'}
`

// Recorded module events, which have no handle: a stream reads them by their type.
func TestModuleEvents(t *testing.T) {
	d := parsed(t, claims)
	s := on(t, d, definition.Site{ChainID: 1}).Streams[0]
	long := "0x" + strings.Repeat("0", 63) + "3::token_transfers::"
	if s.Start != 2_000_000_000 || strings.Join(s.Source.Types, " ") != long+"Offer "+long+"CancelOffer" || s.Source.Handle != "" {
		t.Fatalf("the stream begins at %d, its source is %+v", s.Start, s.Source)
	}
	for file, want := range map[string]struct {
		kind  markets.Kind
		maker string
		name  any
	}{
		"aptos-token-offer.json":        {markets.Recorded, "0xc02399a3dadb83d363802e3fc990eceade0e9b2a9a6dc180a092a60b0c17566f", "Painted Pandaz #775"},
		"aptos-token-cancel-offer.json": {markets.RecordRemoved, "0xbf0a07a9eb77fc7a2ec8f48356e2968fb489494da37673ded619b94cb323f42f", nil},
	} {
		text, err := os.ReadFile("../../testdata/transactions/" + file)
		if err != nil {
			t.Fatal(err)
		}
		found, err := transactions.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var own []markets.Raw
		for _, raw := range found[0].Raws {
			if s.Source.Matches(&raw) {
				own = append(own, raw)
			}
		}
		events, failures := s.DecodeAll(own)
		if len(failures) > 0 || len(events) != 1 || events[0].Kind != want.kind || events[0].Maker != want.maker || events[0].Record.Fields["name"] != want.name {
			t.Errorf("%s: %+v, %v", file, events, failures)
		}
	}
}

const bothForms = `market: shop
kind: aptos
chains:
  mainnet: {chainId: 1, account: "0x5", start: 9}
types: |
  struct m::SoldEvent { id: u64, price: u64 }
  struct m::Sold { id: u64, price: u64 }
streams:
  buy:
    - {event: "m::SoldEvent", becomes: &sold {kind: bought, order: '"ask-" + id', price: price, currency: '"0x1::aptos_coin::AptosCoin"'}}
    - {event: "m::Sold", becomes: *sold}
`

// sold is an event of the shop, in one of its forms.
func sold(log int32, name, data string) markets.Raw {
	return markets.Raw{
		Position: markets.Position{Height: 10, Log: log}, Transaction: "0xa",
		Type: "0x" + strings.Repeat("0", 63) + "5::m::" + name, JSON: json.RawMessage(data),
	}
}

// While a module logs each action in two forms, each action is reported once. What happens
// twice is reported twice.
func TestBothFormsAreReportedOnce(t *testing.T) {
	d := parsed(t, bothForms)
	s := on(t, d, definition.Site{ChainID: 1}).Streams[0]
	transaction := []markets.Raw{
		sold(0, "SoldEvent", `{"id":"1","price":"5"}`), sold(1, "Sold", `{"id":"1","price":"5"}`),
		sold(2, "SoldEvent", `{"id":"1","price":"5"}`), sold(3, "Sold", `{"id":"1","price":"5"}`),
		sold(4, "Sold", `{"id":"2","price":"5"}`), sold(5, "SoldEvent", `{"id":"2","price":"5"}`),
		sold(6, "Sold", `{"id":"3","price":"7"}`),
	}
	events, failures := s.DecodeAll(transaction)
	var logs []int32
	for _, e := range events {
		logs = append(logs, e.Position.Log)
	}
	if got, _ := json.Marshal(logs); len(failures) > 0 || string(got) != "[0,2,4,6]" {
		t.Errorf("events %s were reported, %v", got, failures)
	}
	for i, want := range []int{1, 0, 1, 0, 1, 0, 1} {
		verdicts, err := d.Explain(definition.Site{ChainID: 1}, transaction, i)
		if err != nil || len(verdicts) != 1 || len(verdicts[0].Events) != want || want == 0 && !strings.Contains(verdicts[0].Reason, "reported it already") {
			t.Errorf("event %d: %+v, %v", i, verdicts, err)
		}
	}
	later := transaction[1:2]
	later[0].Position.Height++ // in another transaction it is another sale
	if events, _ := s.DecodeAll(later); len(events) != 1 {
		t.Errorf("%d events", len(events))
	}
}

// One form cannot be decoded until the definition is corrected: what is decoded then is
// reported once, too.
func TestBothFormsAreReportedOnceWhenOneFails(t *testing.T) {
	unsound := strings.Replace(bothForms, "- {event: \"m::Sold\", becomes: *sold}",
		"- {event: \"m::Sold\", becomes: {kind: bought, order: '\"ask-\" + id', price: 100 / (price - 5), currency: '\"0x1::aptos_coin::AptosCoin\"'}}", 1)
	if unsound == bothForms {
		t.Fatal("nothing was spoilt")
	}
	decode := func(text string) markets.Stream {
		return on(t, parsed(t, text), definition.Site{ChainID: 1}).Streams[0]
	}
	events, failures := decode(unsound).DecodeAll([]markets.Raw{sold(0, "Sold", `{"id":"1","price":"5"}`), sold(1, "SoldEvent", `{"id":"1","price":"5"}`)})
	if len(events) != 0 || len(failures) != 2 || !strings.Contains(failures[1].Reason.Error(), "may report the same as event 0") {
		t.Errorf("%+v, %v", events, failures)
	}
	var again []markets.Event
	for _, f := range failures {
		all, _ := decode(bothForms).DecodeAll(f.Transaction)
		for _, e := range all {
			if e.Position.Log == f.Raw.Position.Log {
				again = append(again, e)
			}
		}
	}
	if len(again) != 1 || again[0].Position.Log != 0 {
		t.Errorf("decoded again: %+v", again)
	}
}

// A source that cannot tell its events from others is a problem of the definition.
func TestTypesAreNamedWithTheirModules(t *testing.T) {
	for from, c := range map[string]struct{ to, want string }{
		`event: "m::Sold"`:              {`event: "Sold"`, "11:15: streams.buy[1].event: without a handle the type alone tells the events"},
		`- {event: "m::SoldEvent", `:    {`- {handle: "m::R/f", event: "m::SoldEvent", `, "a stream of an event handle has nothing else"},
		`event: "m::Sold", becomes: *s`: {`event: "0xzz::m::Sold", becomes: *s`, "is not an address"},
	} {
		_, err := definition.Parse(definition.Source{File: "shop.yaml", Text: []byte(strings.Replace(bothForms, from, c.to, 1))})
		if ps, ok := err.(definition.Problems); !ok || !strings.Contains(ps.Lines(), c.want) {
			t.Errorf("%s: %v, want %s", c.to, err, c.want)
		}
	}
}
