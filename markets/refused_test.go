package markets_test

import (
	"reflect"
	"testing"

	"github.com/imart/event-worker/markets"
)

// A refused order is only logged: it makes no order, and changes none.
func TestRefusalsChangeNoOrder(t *testing.T) {
	refused := markets.Event{Kind: markets.SignedRefused, Order: "0xa", Signed: "id", Reason: "no", Position: markets.Position{Height: 1}}
	listed := markets.Event{Kind: markets.Listed, Order: "0xa", Position: markets.Position{Height: 2}, Quantity: "1"}
	later := refused
	later.Position.Height = 3
	if o, born := markets.FoldOrder("ethereum", "seaport", "0xa", []markets.Event{refused, later}); born {
		t.Errorf("refusals made %+v", o)
	}
	want, _ := markets.FoldOrder("ethereum", "seaport", "0xa", []markets.Event{listed})
	got, _ := markets.FoldOrder("ethereum", "seaport", "0xa", []markets.Event{refused, listed, later})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	later.Order = ""
	if later.Key() != "signed:id" {
		t.Errorf("key %q", later.Key())
	}
}
