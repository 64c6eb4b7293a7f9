package catalogue

import (
	"errors"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

func TestUnknownMarket(t *testing.T) {
	_, err := Market("opensee", definition.Site{ChainID: 1})
	if !errors.Is(err, ErrUnknown) {
		t.Fatalf("error = %v, want ErrUnknown", err)
	}
	for _, part := range []string{"opensee", "seaport", "tradeport"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
}

// Names of streams are in the keys of the log, and each has an observer of its own.
func TestStreamsAreWhole(t *testing.T) {
	for _, d := range All() {
		for _, w := range d.Warnings {
			t.Error(w)
		}
		if named, err := BuiltIn(d.Market); named != d {
			t.Errorf("%s is not in %s.yaml: %v", d.Market, d.Market, err)
		}
		m := anywhere(t, d)
		names, observers := map[string]bool{}, map[string]bool{}
		for _, s := range m.Streams {
			if s.Name == "" || names[s.Name] || s.Observer != "" && observers[s.Observer] || s.Decode == nil {
				t.Errorf("%s: stream %q with observer %q is incomplete, or there is another of the name", m.Name, s.Name, s.Observer)
			}
			names[s.Name], observers[s.Observer] = true, true
			if evm := len(s.Source.Topics) > 0; evm == (s.Source.Handle != "" && s.Source.Field != "") {
				t.Errorf("%s/%s: source %+v", m.Name, s.Name, s.Source)
			}
		}
	}
}

// anywhere is the market on the first chain of its definition, with made-up contracts if
// the definition has none there.
func anywhere(t testing.TB, d *definition.Definition) markets.Market {
	t.Helper()
	site := definition.Site{ChainID: d.Chains[0].ID}
	if len(d.Chains[0].Contracts) == 0 && d.Kind == markets.EVM {
		site.Contracts = map[string][]string{"tokens": {"0x00000000000000000000000000000000000000aa"}}
	}
	m, err := d.On(site)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
