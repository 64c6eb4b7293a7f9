package markets

import (
	"reflect"
	"testing"
)

// A refused order is only logged: it makes no order, and changes none.
func TestRefusalsChangeNoOrder(t *testing.T) {
	refused := Event{Kind: SignedRefused, Order: "0xa", Signed: "id", Reason: "no", Position: Position{Height: 1}}
	listed := Event{Kind: Listed, Order: "0xa", Position: Position{Height: 2}, Quantity: "1"}
	later := refused
	later.Position.Height = 3
	if o, born := FoldOrder("ethereum", "seaport", "0xa", []Event{refused, later}); born {
		t.Errorf("refusals made %+v", o)
	}
	want, _ := FoldOrder("ethereum", "seaport", "0xa", []Event{listed})
	got, _ := FoldOrder("ethereum", "seaport", "0xa", []Event{refused, listed, later})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if orders, records, bulks := concerned([]Event{refused, later}); len(orders)+len(records)+len(bulks) > 0 {
		t.Errorf("refusals concern %v, %v and %v", orders, records, bulks)
	}
	later.Order = ""
	if later.Key() != "signed:id" {
		t.Errorf("key %q", later.Key())
	}
}
