package storetest

import (
	"fmt"
	"sync"

	"github.com/imart/event-worker/persistence"
)

// currencyOf is the document of a currency of the chain.
func currencyOf(address, symbol string, decimals int) persistence.KnownCurrency {
	return persistence.KnownCurrency{
		ID: persistence.CurrencyID(chain, address), Chain: chain, Address: address, Symbol: symbol, Decimals: &decimals,
		Name: "The " + symbol, Height: 7, ReadAt: at(7),
	}
}

// byID are documents of currencies by their IDs.
func byID(docs []persistence.KnownCurrency) map[string]persistence.KnownCurrency {
	found := map[string]persistence.KnownCurrency{}
	for _, c := range docs {
		found[c.ID] = c
	}
	return found
}

var currencyTests = []test{
	{"AreAddedOnce", func(s *suite) {
		a, b := currencyOf("0xA", "A", 0), currencyOf("0xB", "B", 18)
		none, err := s.store.Currencies(s.Context(), []string{a.ID, b.ID})
		s.must(err)
		s.same("found before", len(none), 0)
		stored, err := s.store.AddCurrencies(s.Context(), []persistence.KnownCurrency{a})
		s.must(err)
		s.same("stored", stored, []persistence.KnownCurrency{a})

		another := a
		another.Symbol, another.Decimals, another.Reason = "OTHER", nil, "none"
		stored, err = s.store.AddCurrencies(s.Context(), []persistence.KnownCurrency{another, b})
		s.must(err)
		want := byID([]persistence.KnownCurrency{a, b})
		s.same("stored again", byID(stored), want)
		found, err := s.store.Currencies(s.Context(), []string{b.ID, "ethereum/0xC", a.ID})
		s.must(err)
		s.same("found", byID(found), want)
		s.same("documents", all[persistence.KnownCurrency](s, persistence.Currencies), []persistence.KnownCurrency{a, b})

		for _, ids := range [][]string{nil, {}} {
			found, err := s.store.Currencies(s.Context(), ids)
			s.must(err)
			s.same("found of none", len(found), 0)
		}
		stored, err = s.store.AddCurrencies(s.Context(), nil)
		s.must(err)
		s.same("stored of none", len(stored), 0)
	}},
	// Of many writers all are told what the first one has written.
	{"TheFirstWriterWins", func(s *suite) {
		const writers, addresses = 8, 12
		told := make([]map[string]persistence.KnownCurrency, writers)
		var wait sync.WaitGroup
		for i := range writers {
			wait.Go(func() {
				var mine []persistence.KnownCurrency
				for j := range addresses {
					mine = append(mine, currencyOf(fmt.Sprintf("0x%d", (i+j)%addresses), fmt.Sprintf("of %d", i), i))
				}
				stored, err := s.store.AddCurrencies(s.Context(), mine)
				if err != nil {
					s.Error(err)
				}
				told[i] = byID(stored)
			})
		}
		wait.Wait()
		want := byID(all[persistence.KnownCurrency](s, persistence.Currencies))
		if len(want) != addresses {
			s.Errorf("%d documents", len(want))
		}
		for _, got := range told {
			s.same("told", got, want)
		}
	}},
}
