package catalogue

import (
	"errors"
	"strings"
	"testing"
)

func TestMarket(t *testing.T) {
	for _, want := range All(Options{}) {
		got, err := Market(want.Name, Options{})
		if err != nil || got.Name != want.Name || got.Kind != want.Kind {
			t.Errorf("Market(%q) = %s on %s, %v", want.Name, got.Name, got.Kind, err)
		}
	}
}

func TestUnknownMarket(t *testing.T) {
	_, err := Market("opensee", Options{})
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
	for _, m := range All(Options{}) {
		names, observers := map[string]bool{}, map[string]bool{}
		for _, s := range m.Streams {
			if s.Name == "" || names[s.Name] || observers[s.Observer] || s.Decode == nil {
				t.Errorf("%s: stream %q with observer %q is no good, or not the only one", m.Name, s.Name, s.Observer)
			}
			names[s.Name], observers[s.Observer] = true, true
			if evm := len(s.Source.Addresses) > 0 && len(s.Source.Topics) > 0; evm == (s.Source.Handle != "" && s.Source.Field != "") {
				t.Errorf("%s/%s: source %+v", m.Name, s.Name, s.Source)
			}
		}
	}
}
