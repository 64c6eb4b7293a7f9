package cli

import (
	"testing"

	"github.com/imart/event-worker/markets"
)

func TestPrice(t *testing.T) {
	eth := markets.Currency{Symbol: "ETH", Decimals: 18}
	for _, test := range []struct {
		amount   markets.Amount
		currency markets.Currency
		want     string
	}{
		{"67300000000000000", eth, "0.0673 ETH"},
		{"1000000000000000000", eth, "1 ETH"},
		{"1", eth, "0.000000000000000001 ETH"},
		{"0", eth, "0 ETH"},
		{"115792089237316195423570985008687907853269984665640564039457584007913129639935", eth, "115792089237316195423570985008687907853269984665640564039457.584007913129639935 ETH"},
		{"165000000", markets.Currency{Symbol: "APT", Decimals: 8}, "1.65 APT"},
		{"12", markets.Currency{Symbol: "POINTS"}, "12 POINTS"},
		{"12", markets.Currency{Address: "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"}, "12 units of 0xC02a…6Cc2"},
		{"", eth, "an unknown price"},
	} {
		if got := Price(test.amount, test.currency); got != test.want {
			t.Errorf("price of %s: %q, want %q", test.amount, got, test.want)
		}
	}
}
