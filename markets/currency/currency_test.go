package currency

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

func TestWellKnown(t *testing.T) {
	for _, address := range []string{
		"0x1::aptos_coin::AptosCoin", "0xa", "0x" + strings.Repeat("0", 63) + "a", "0x" + strings.Repeat("0", 63) + "1::aptos_coin::AptosCoin",
	} {
		want := markets.Currency{Address: address, Symbol: "APT", Decimals: 8}
		if !slices.Contains(WellKnown(markets.Aptos, 1), want) || !slices.Contains(WellKnown(markets.Aptos, 2), want) {
			t.Errorf("%s is not known", address)
		}
	}
	for chain, known := range wellKnown {
		for _, c := range known {
			if address, ok := Canonical(markets.EVM, c.Address); !ok || address != c.Address {
				t.Errorf("%s is not in EIP-55", c.Address)
			}
			if slices.Contains(WellKnown(markets.EVM, chain+1), c) {
				t.Errorf("%s of chain %d is known on another one", c.Symbol, chain)
			}
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, test := range []struct {
		kind          markets.ChainKind
		address, want string
	}{
		{markets.EVM, "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"},
		{markets.EVM, "0xC02AAA39B223FE8D0A0E5C4F27EAD9083C756CC2", "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"},
		{markets.EVM, "0x0000000000000000000000000000000000000000", ""},
		{markets.EVM, "C02AAA39B223FE8D0A0E5C4F27EAD9083C756CC2", ""},
		{markets.EVM, "0xa", ""},
		{markets.EVM, "dollars", ""},
		{markets.EVM, "", ""},
		{markets.Aptos, "0xA", "0x" + strings.Repeat("0", 63) + "a"},
		{markets.Aptos, "0x1::m::C", "0x" + strings.Repeat("0", 63) + "1::m::C"},
		{markets.Aptos, "0x1::m::LP<0x2::a::A, 0x3::b::B<u8>>", "0x" + strings.Repeat("0", 63) + "1::m::LP<0x" + strings.Repeat("0", 63) + "2::a::A,0x" + strings.Repeat("0", 63) + "3::b::B<u8>>"},
		{markets.Aptos, "0x1::m", ""},
		{markets.Aptos, "0x1::m::C/../../x", ""},
		{markets.Aptos, "0x1::m::C?x=y", ""},
		{markets.Aptos, "0x" + strings.Repeat("1", 65), ""},
		{markets.Aptos, "0x1::m::C<" + strings.Repeat("a", maxAddress) + ">", ""},
		{markets.Aptos, "APT", ""},
	} {
		got, ok := Canonical(test.kind, test.address)
		if ok != (test.want != "") || ok && got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.address, got, ok, test.want)
		}
	}
}

// The canonical spelling is one, and any text is refused or spelled.
func TestCanonicalIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]markets.ChainKind{markets.EVM, markets.Aptos}).Draw(t, "kind")
		address := rapid.OneOf(rapid.String(), rapid.StringMatching(`0x[0-9a-fA-F]{1,64}(::a::B(<0x[0-9a-f]{1,64}::c::D(, ?u8)?>)?)?`), rapid.StringMatching(`0x[0-9a-fA-F]{40}`)).Draw(t, "address")
		once, ok := Canonical(kind, address)
		if !ok {
			return
		}
		if twice, ok := Canonical(kind, once); len(once) <= maxAddress && (!ok || twice != once) {
			t.Fatalf("%s, then %s", once, twice)
		}
	})
}
