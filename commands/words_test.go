package commands

import (
	"testing"
	"time"

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

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", -1: "-1", 999: "999", 1000: "1,000", 18270775: "18,270,775", -123456: "-123,456"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	for age, want := range map[time.Duration]string{20 * time.Second: "20 s ago", 90 * time.Second: "1 min ago", 5 * time.Hour: "5 h ago", 72 * time.Hour: "3 days ago"} {
		if got := ago(age); got != want {
			t.Errorf("%s: %s, want %s", age, got, want)
		}
	}
}

func TestQuoted(t *testing.T) {
	for word, want := range map[string]string{"/tmp/a-b_c.d": "/tmp/a-b_c.d", "": "''", "my data": "'my data'", "$HOME": "'$HOME'", "it's": `'it'\''s'`} {
		if got := quoted(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
