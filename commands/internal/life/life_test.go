package life_test

import (
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/commands/internal/life"
	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	key     = "0x266f5a7c2cfec3a506c22ac0a85e3d284eb36e63df8e623c64a413033d7d1163@" + seaport
	seaport = "0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC"
	maker   = "0xa655c36eba808148497AEd8BacD1c8cF6c59335c"
	taker   = "0xa991286E26842bC4E38959dd81BBf9eDE46Fd7fE"
	hash    = "0x46ee748e03fba9a8a03e872fc9f75f7a181bf558c80849ff0006f27138748471"
)

var (
	market = persistence.MarketRef{Chain: "ethereum", Market: "seaport"}
	began  = time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)
)

// at puts an event into the market's log.
func at(height int64, kind markets.Kind, stream string, set func(*markets.Event)) markets.Event {
	e := markets.Event{
		Kind: kind, Stream: stream, Seq: height, Position: markets.Position{Height: height, Transaction: 12, Log: 345},
		Block: hash, Transaction: hash, Time: began.Add(time.Duration(height-19_000_000) * 12 * time.Second), Order: key, Maker: maker,
		Currency: markets.Currency{Symbol: "WETH", Decimals: 18, Address: "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"},
	}
	if set != nil {
		set(&e)
	}
	return e
}

func listed(e *markets.Event) {
	e.Side, e.Contract, e.Fixed, e.Quantity, e.Price = markets.Ask, seaport, true, "4", "1600000000000000000"
	e.Token = markets.Token{Collection: "0x76BE3b62873462d2142405439777e971754E8E77", ID: "10797", Standard: markets.ERC1155}
	e.ExpiresAt = new(began.Add(48 * time.Hour))
	e.Signed = "import-7"
	e.Fees = []markets.Payment{{Receiver: seaport, Money: markets.Money{Amount: "40000000000000000", Currency: e.Currency}}}
}

func bought(quantity, price markets.Amount) func(*markets.Event) {
	return func(e *markets.Event) { e.Taker, e.Quantity, e.Price, e.Partial = taker, quantity, price, true }
}

func checked(e *markets.Event) {
	e.Fact = &markets.Fact{
		State:    &markets.ContractState{Validated: true, Filled: "1", Size: "4"},
		Fillable: &markets.Fillability{Answer: markets.No, Reasons: []markets.Reason{markets.NotOwner, markets.NoApproval}},
	}
}

func everything(e *markets.Event) { e.Order, e.Contract = "", seaport }

// store returns a store with a log, and with the order folded from the events up to a seq.
func store(t *testing.T, log []markets.Event, folded int64) persistence.Store {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := embedded.Open(t.Context(), t.TempDir())
	must(err)
	t.Cleanup(func() { _ = s.Close() })
	epoch, err := s.TakeOver(t.Context(), market.Chain, "node")
	must(err)
	for _, stream := range []string{"list", "buy", "bulk-cancel", markets.StateStream} {
		for kind, place := range map[string]int64{"activity": 1e9, "order-" + stream: folded} {
			_, err := s.Claim(t.Context(), persistence.Claim{
				ID: "ethereum/seaport/" + stream + "/" + kind, Kind: "observer", Chain: market.Chain, Market: market.Market,
				Stream: stream, Documents: kind != "activity", Epoch: epoch, Start: markets.Place{Seq: place, Hash: hash},
			})
			must(err)
		}
	}
	must(s.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
		var done []markets.Event
		for _, e := range log {
			if e.Seq <= folded {
				done = append(done, e)
			}
			if err := tx.Append([]markets.Activity{{Chain: market.Chain, Market: market.Market, Event: e}}, nil); err != nil {
				return err
			}
		}
		o, exists := markets.FoldOrder(market.Chain, market.Market, key, done)
		if !exists {
			return nil
		}
		return tx.PutOrders([]markets.Order{o})
	}))
	return s
}

// explained returns the printed explanation of the order.
func explained(t *testing.T, docs persistence.Querier, at *explain.At) string {
	t.Helper()
	e, err := explain.Order(t.Context(), docs, key, at, began.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := life.Write(&b, e); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The explanations in testdata are those that are printed.
func TestExplanations(t *testing.T) {
	listing := at(19_000_000, markets.Listed, "list", listed)
	fill := at(19_000_010, markets.Bought, "buy", bought("1", "400000000000000000"))
	fact := at(19_000_020, markets.OrderChecked, markets.StateStream, checked)
	counter := at(19_000_030, markets.OrdersCancelled, "bulk-cancel", everything)
	late := at(19_000_040, markets.Bought, "buy", bought("3", "1200000000000000000"))
	former := at(18_999_990, markets.OrdersCancelled, "bulk-cancel", everything)
	used := at(18_999_995, markets.OrdersCancelled, "bulk-cancel", func(e *markets.Event) { e.Order, e.Nonce = "", "7" })
	withNonce := at(19_000_000, markets.Listed, "list", func(e *markets.Event) { listed(e); e.Nonce = "7" })
	for name, life := range map[string]struct {
		log    []markets.Event
		folded int64
		at     *explain.At
	}{
		"open":                  {[]markets.Event{listing}, 19_000_000, nil},
		"not-fillable":          {[]markets.Event{listing, fill, fact}, 19_000_020, nil},
		"cancelled-by-counter":  {[]markets.Event{former, listing, fill, counter}, 19_000_030, nil},
		"filled-when-cancelled": {[]markets.Event{listing, fill, counter, late}, 19_000_040, nil},
		"before-its-fill":       {[]markets.Event{listing, fill, counter, late}, 19_000_040, &explain.At{Height: new(int64(19_000_009))}},
		"before-it-existed":     {[]markets.Event{listing}, 19_000_040, &explain.At{Time: new(began.Add(-time.Hour))}},
		"behind-its-log":        {[]markets.Event{listing, fill}, 19_000_005, nil},
		"nonce-used-before":     {[]markets.Event{used, withNonce}, 19_000_040, nil},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, explained(t, store(t, life.log, life.folded), life.at))
		})
	}
}

// A document that differs from the fold of its log is reported, field by field.
func TestADifference(t *testing.T) {
	s := store(t, []markets.Event{at(19_000_000, markets.Listed, "list", listed)}, 19_000_000)
	err := s.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
		all, err := tx.Orders([]string{key})
		o := all[key]
		o.Taker, o.Price = taker, ""
		return cmp.Or(err, tx.PutOrders([]markets.Order{o}))
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "differing", explained(t, s, nil))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	fits(t, got)
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("printed:\n%s\n%s has:\n%s", got, path, want)
	}
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

// fits fails if a line is too wide or contains a control character.
func fits(t failer, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if table.Width(line) > 80 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("a line is %d columns wide: %q", table.Width(line), line)
		}
	}
}

// The explanation of any order fits a terminal and contains no control characters.
func TestExplanationsFitATerminal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z\x1b\x{202e} ]{0,300}`))
		e := at(1, markets.Listed, text.Draw(rt, "stream"), listed)
		e.Maker, e.Transaction, e.Currency.Symbol = text.Draw(rt, "maker"), text.Draw(rt, "transaction"), text.Draw(rt, "symbol")
		e.Token, e.Reason = markets.Token{Collection: text.Draw(rt, "collection"), ID: text.Draw(rt, "id"), Name: text.Draw(rt, "name")}, text.Draw(rt, "reason")
		o, _ := markets.FoldOrder("ethereum", "seaport", key, []markets.Event{e})
		fields, err := explain.FieldsOf(o)
		if err != nil {
			rt.Fatal(err)
		}
		step := explain.Step{Event: e, Concerns: true}
		for field, value := range fields {
			step.Changes = append(step.Changes, explain.Change{Field: field, To: value})
		}
		var b strings.Builder
		explained := explain.Explanation{Chain: "ethereum", Market: "seaport", Key: text.Draw(rt, "key"), Unit: "block", Order: &o, Steps: []explain.Step{step}, Differences: step.Changes}
		if err := life.Write(&b, explained); err != nil {
			rt.Fatal(err)
		}
		fits(rt, b.String())
	})
}
