package currencies

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// askable is a chain that answers each question with the next symbol.
type askable struct {
	asked []question
	err   error
}

func (a *askable) ask(_ context.Context, _ *chains.View, questions []question) ([]persistence.KnownCurrency, error) {
	if a.err != nil {
		return nil, a.err
	}
	var answers []persistence.KnownCurrency
	for range questions {
		decimals := len(a.asked)
		a.asked = append(a.asked, questions[len(answers)])
		answers = append(answers, persistence.KnownCurrency{Symbol: fmt.Sprint("S", decimals), Decimals: &decimals})
	}
	return answers, nil
}

func newCompleter(t *testing.T, kind markets.ChainKind, a *askable) *Completer {
	t.Helper()
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	c := New("c", kind, nil, store)
	if a != nil {
		c.asker = a
	}
	return c
}

func in(addresses ...string) (events []markets.Event) {
	for i, address := range addresses {
		events = append(events, markets.Event{Position: markets.Position{Height: int64(i)}, Currency: markets.Currency{Address: address}})
	}
	return events
}

const token = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"

func TestEachCurrencyIsAskedOnce(t *testing.T) {
	a := &askable{}
	c := newCompleter(t, markets.EVM, a)
	events := in(strings.ToLower(token), token, "", "0x0000000000000000000000000000000000000000", "dollars")
	events[0].Terms = markets.Terms{
		Prices: []markets.Money{{Currency: markets.Currency{Address: token}}}, Fees: []markets.Payment{{Money: markets.Money{Currency: markets.Currency{Address: token}}}},
		Royalties: []markets.Payment{{Money: markets.Money{Currency: markets.Currency{Address: token}}}},
	}
	if err := c.Complete(t.Context(), nil, events); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.asked, []question{{token, 1}}) {
		t.Errorf("asked %v", a.asked)
	}
	e := events[0]
	for _, of := range []markets.Currency{e.Currency, e.Prices[0].Currency, e.Fees[0].Currency, e.Royalties[0].Currency, events[1].Currency} {
		if of.Symbol != "S0" {
			t.Errorf("%+v", of)
		}
	}
	for _, e := range events[2:] {
		if e.Currency.Symbol != "" {
			t.Errorf("%+v", e.Currency)
		}
	}
}

func TestKnownCurrenciesAreLeftAlone(t *testing.T) {
	a := &askable{}
	c := newCompleter(t, markets.EVM, a)
	for _, known := range []markets.Currency{{Address: token, Symbol: "WETH", Decimals: 18}, {Address: token, Symbol: "X"}, {Address: token, Decimals: 6}} {
		events := []markets.Event{{Currency: known}}
		if err := c.Complete(t.Context(), nil, events); err != nil || events[0].Currency != known || len(a.asked) > 0 {
			t.Errorf("%+v, error %v, asked %v", events[0].Currency, err, a.asked)
		}
	}
}

// Without a chain only what is stored is completed; the errors of a chain store nothing.
func TestWithoutAnswers(t *testing.T) {
	a := &askable{err: errors.New("it fails")}
	c := newCompleter(t, markets.EVM, a)
	if err := c.Complete(t.Context(), nil, in(token)); !errors.Is(err, a.err) {
		t.Errorf("error %v", err)
	}
	alone := New("c", markets.EVM, nil, c.store)
	events := in(token)
	if err := alone.Complete(t.Context(), nil, events); err != nil || events[0].Currency.Symbol != "" {
		t.Errorf("%+v, error %v", events[0].Currency, err)
	}
	a.err = nil
	if err := c.Complete(t.Context(), nil, in(token)); err != nil {
		t.Fatal(err)
	}
	if err := alone.Complete(t.Context(), nil, events); err != nil || events[0].Currency.Symbol != "S0" {
		t.Errorf("%+v, error %v", events[0].Currency, err)
	}
}

// Currencies that are no longer cached are read from the store.
func TestMoreCurrenciesThanAreCached(t *testing.T) {
	a := &askable{}
	c := newCompleter(t, markets.EVM, a)
	var addresses []string
	for i := range maxCached + 100 {
		addresses = append(addresses, fmt.Sprintf("0x%040x", i+1))
	}
	first, second := in(addresses...), in(addresses...)
	for _, events := range [][]markets.Event{first, second} {
		if err := c.Complete(t.Context(), nil, events); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.asked) != len(addresses) || c.cached.Len() > maxCached {
		t.Errorf("%d asked, %d cached", len(a.asked), c.cached.Len())
	}
	for i := range first {
		if first[i].Currency.Symbol == "" || first[i].Currency != second[i].Currency {
			t.Fatalf("%+v, then %+v", first[i].Currency, second[i].Currency)
		}
	}
}
