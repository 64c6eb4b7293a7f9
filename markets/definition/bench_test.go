package definition_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/imart/event-worker/chains/transactions"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// BenchmarkDecode compares the built-in decoder of Seaport's sales with decoding by
// definition: Aavegotchi's sales, with fields alone and an expression for the key, and
// IMart's exhibits, with conditions, texts and two market events each.
func BenchmarkDecode(b *testing.B) {
	b.Run("seaport", func(b *testing.B) {
		measure(b, "seaport", 1, "buy", read(b, "../../testdata/recordings/ethereum/blocks/*.json"))
	})
	b.Run("aavegotchi", func(b *testing.B) {
		measure(b, "aavegotchi", 137, "buy", read(b, "../../testdata/transactions/aavegotchi-*.json"))
	})
	b.Run("wyvern", func(b *testing.B) {
		measure(b, "wyvern", 1, "buy", read(b, "../../testdata/transactions/wyvern-*.json"))
	})
	b.Run("erc721", func(b *testing.B) {
		measure(b, "erc721", 1, "transfer", read(b, "../../testdata/transactions/wyvern-*.json"))
	})
}

func read(b *testing.B, pattern string) (all []transactions.Transaction) {
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

// measure reports the time an event.
func measure(b *testing.B, market string, chain uint64, stream string, all []transactions.Transaction) {
	m, err := catalogue.Market(market, definition.Site{ChainID: chain, Contracts: contracts(market)})
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range m.Streams {
		if s.Name != stream {
			continue
		}
		var raws []markets.Raw
		for _, tx := range all {
			for i := range tx.Raws {
				if s.Source.Matches(&tx.Raws[i]) {
					raws = append(raws, tx.Raws[i])
				}
			}
		}
		if len(raws) == 0 {
			b.Fatal("no events")
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
