package demo

import (
	"testing"

	"github.com/imart/event-worker/markets"
)

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
