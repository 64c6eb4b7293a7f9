package definition_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains/transactions"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// BenchmarkDecode compares the program's decoder of Seaport's sales with a definition
// that decodes the same recorded sales by expressions; and with the definitions of
// other markets, on their own events.
func BenchmarkDecode(b *testing.B) {
	sales := read(b, "../../testdata/recordings/ethereum/blocks/*.json")
	fulfilled := byStrangers(rawsOf(seaportSales(b), "buy", sales), 100)
	b.Run("seaport", func(b *testing.B) { measure(b, builtIn(b, "seaport", 1), "buy", fulfilled) })
	b.Run("seaport-by-definition", func(b *testing.B) { measure(b, seaportSales(b), "buy", fulfilled) })
	b.Run("aavegotchi", func(b *testing.B) {
		m := builtIn(b, "aavegotchi", 137)
		measure(b, m, "buy", rawsOf(m, "buy", read(b, "../../testdata/transactions/aavegotchi-*.json")))
	})
	b.Run("wyvern", func(b *testing.B) {
		m := builtIn(b, "wyvern", 1)
		measure(b, m, "buy", rawsOf(m, "buy", read(b, "../../testdata/transactions/wyvern-*.json")))
	})
	b.Run("erc721", func(b *testing.B) {
		m := builtIn(b, "erc721", 1)
		measure(b, m, "transfer", rawsOf(m, "transfer", read(b, "../../testdata/transactions/wyvern-*.json")))
	})
}

// The definition that is measured decodes what the program's decoder does: the sales of
// one token against one currency are the same.
func TestSeaportByDefinition(t *testing.T) {
	raws := rawsOf(builtIn(t, "seaport", 1), "buy", read(t, "../../testdata/recordings/ethereum/blocks/*.json"))
	decode := func(m markets.Market) map[markets.Position]markets.Event {
		byPlace := map[markets.Position]markets.Event{}
		for _, s := range m.Streams {
			if s.Name != "buy" {
				continue
			}
			events, failures := s.DecodeAll(raws)
			for _, f := range failures {
				t.Fatal(f.Reason)
			}
			for _, e := range events {
				byPlace[e.Position] = e
			}
		}
		return byPlace
	}
	own, other := decode(builtIn(t, "seaport", 1)), decode(seaportSales(t))
	same := 0
	for place, want := range own {
		got, ok := other[place]
		if !want.Kind.Sale() || len(want.Bundle) > 1 {
			continue
		}
		got.Token.Standard, got.Currency = want.Token.Standard, markets.Currency{Address: got.Currency.Address}
		want.Currency = markets.Currency{Address: want.Currency.Address}
		if want.Kind == markets.OfferAccepted && got.Taker != want.Taker {
			got.Taker, got.From = want.Taker, want.From // who executed it is not always the recipient
		}
		got.Side, got.Contract, got.Partial, got.Fees = want.Side, want.Contract, want.Partial, want.Fees
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("by definition\n%+v\nby the program\n%+v", got, want)
			continue
		}
		same++
	}
	if same < 25 {
		t.Errorf("only %d sales were compared", same)
	}
}

func builtIn(t testing.TB, market string, chain uint64) markets.Market {
	t.Helper()
	m, err := catalogue.Market(market, definition.Site{ChainID: chain, Contracts: contracts(market)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func seaportSales(t testing.TB) markets.Market {
	t.Helper()
	text, err := os.ReadFile("testdata/seaport-sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := definition.Parse(definition.Source{File: "seaport-sales.yaml", Text: text})
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.On(definition.Site{ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func read(b testing.TB, pattern string) (all []transactions.Transaction) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		b.Fatalf("no files %s: %v", pattern, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		if found, err := transactions.Parse(text); err == nil && json.Valid(text) {
			all = append(all, found...)
		}
	}
	return all
}

// byStrangers are sales again and again, each time of other makers: of real sales
// collections and currencies come again, people less so.
func byStrangers(raws []markets.Raw, times int) (all []markets.Raw) {
	for n := range times {
		for i, raw := range raws {
			maker := raw.Topics[1]
			stranger := common.BigToHash(big.NewInt(int64(n*len(raws) + i + 1)))
			copy(stranger[12:16], maker[12:16])
			raw.Topics = slices.Clone(raw.Topics)
			raw.Topics[1] = stranger
			raw.Data = bytes.ReplaceAll(raw.Data, maker[:], stranger[:])
			all = append(all, raw)
		}
	}
	return all
}

// rawsOf are the raw events of a market's stream.
func rawsOf(m markets.Market, stream string, all []transactions.Transaction) (raws []markets.Raw) {
	for _, s := range m.Streams {
		for _, tx := range all {
			for i := range tx.Raws {
				if s.Name == stream && s.Source.Matches(&tx.Raws[i]) {
					raws = append(raws, tx.Raws[i])
				}
			}
		}
	}
	return raws
}

// measure reports the time an event.
func measure(b *testing.B, m markets.Market, stream string, raws []markets.Raw) {
	if len(raws) == 0 {
		b.Fatal("no events")
	}
	for _, s := range m.Streams {
		if s.Name != stream {
			continue
		}
		for b.Loop() {
			if _, failures := s.DecodeAll(raws); len(failures) > 0 {
				b.Fatal(failures[0].Reason)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(raws)), "ns/event")
	}
}

func contracts(market string) map[string][]string {
	if market == "erc721" {
		return map[string][]string{"tokens": {"0x2594d80da5f2e4f742d1e479eb9408aad132d0bd"}}
	}
	return nil
}
