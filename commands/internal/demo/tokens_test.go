package demo

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
		if got := price(test.amount, test.currency); got != test.want {
			t.Errorf("price of %s: %q, want %q", test.amount, got, test.want)
		}
	}
}

func TestToken(t *testing.T) {
	const collection = "0x76BE3b62873462d2142405439777e971754E8E77"
	one := markets.Token{Collection: collection, ID: "10797"}
	for _, test := range []struct {
		event markets.Event
		want  string
	}{
		{markets.Event{Token: one, Quantity: "1"}, "0x76BE…8E77 #10797"},
		{markets.Event{Token: one, Quantity: "3"}, "3 × 0x76BE…8E77 #10797"},
		{markets.Event{Token: one, Bundle: make([]markets.Item, 4)}, "4 items with 0x76BE…8E77 #10797"},
		{markets.Event{Token: markets.Token{Collection: collection, ID: "1", Name: "Ice Blue #1890"}}, `"Ice Blue #1890"`},
		{markets.Event{Token: markets.Token{Collection: collection}}, "a token of 0x76BE…8E77"},
		{markets.Event{Token: markets.Token{ID: collection}}, "token 0x76BE…8E77"},
	} {
		if got := token(test.event); got != test.want {
			t.Errorf("%+v: %q, want %q", test.event.Token, got, test.want)
		}
	}
}
