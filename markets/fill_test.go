package markets

import (
	"testing"
	"time"
)

// What fills alone tell of an order.
func TestFillsOfAnOrderWhoseTermsAreNotKnown(t *testing.T) {
	token := func(id string) Token { return Token{Collection: "apes", ID: id} }
	fill := func(id string, e Event) Event {
		e.Kind, e.Quantity, e.Price, e.Token = OfferAccepted, "1", "10", token(id)
		return e
	}
	part := Event{Partial: true}
	announced := Event{Kind: Listed, Fixed: true, Maker: "m"}
	checked := func(state ContractState) Event { return Event{Kind: OrderChecked, Fact: &Fact{State: &state}} }
	bulk := Event{Kind: OrdersCancelled, Maker: "m"}
	listing := Event{Kind: OfferMade, Fixed: true, Maker: "m", Token: token(""), Quantity: "2", Price: "20", Terms: Terms{Parameters: &Parameters{}}}
	for name, c := range map[string]struct {
		events []Event
		want   Order // its Status, Token, Quantity, Filled, Price, Paid, Anomalies
	}{
		"an offer for several tokens of a collection": {[]Event{fill("1", part), fill("2", part)},
			Order{Status: Partial, Token: token(""), Filled: "2", Price: "20", Paid: "20"}},
		"one token in parts": {[]Event{fill("1", part), fill("1", part)},
			Order{Status: Partial, Token: token("1"), Filled: "2", Price: "20", Paid: "20"}},
		"whole, until there is a second fill": {[]Event{fill("1", Event{}), fill("2", Event{})},
			Order{Status: Partial, Token: token(""), Filled: "2", Price: "20", Paid: "20"}},
		"cancelled in bulk": {[]Event{fill("1", Event{Partial: true, Maker: "m"}), bulk},
			Order{Status: Closed, Token: token("1"), Filled: "1", Price: "10", Paid: "10"}},
		"whole, then cancelled in bulk": {[]Event{fill("1", Event{Maker: "m"}), bulk},
			Order{Status: Sold, Token: token("1"), Quantity: "1", Filled: "1", Price: "10", Paid: "10"}},
		"cancelled in bulk, then its terms come in": {[]Event{fill("1", Event{Partial: true, Maker: "m"}), bulk, listing},
			Order{Status: Canceled, Token: token(""), Quantity: "2", Filled: "1", Price: "20", Paid: "10"}},
		"filled and cancelled in bulk, then its terms come in": {[]Event{fill("1", Event{Partial: true, Maker: "m"}), fill("2", part), bulk, listing},
			Order{Status: Sold, Token: token(""), Quantity: "2", Filled: "2", Price: "20", Paid: "20"}},
		"announced without terms": {[]Event{announced, fill("1", part), fill("2", part)},
			Order{Status: Partial, Token: token(""), Filled: "2", Price: "20", Paid: "20"}},
		"its terms come in": {[]Event{fill("1", part), listing},
			Order{Status: Listing, Token: token(""), Quantity: "2", Filled: "1", Price: "20", Paid: "10"}},
		"the contract says how much": {[]Event{fill("1", part), listing, checked(ContractState{Filled: "2", Size: "2"})},
			Order{Status: Sold, Token: token(""), Quantity: "2", Filled: "2", Price: "20", Paid: "10"}},
		"the contract says that it was not whole": {[]Event{fill("1", Event{}), checked(ContractState{Filled: "1", Size: "3"})},
			Order{Status: Listing, Token: token("1"), Filled: "1", Price: "10", Paid: "10"}},
		"the contract was asked later, and not for the counter": {[]Event{fill("1", Event{Partial: true, Maker: "m"}), checked(ContractState{Filled: "1", Size: "2", Height: 9}), bulk},
			Order{Status: Canceled, Token: token("1"), Filled: "1", Price: "10", Paid: "10"}},
		"an answer older than the last": {[]Event{fill("1", part), checked(ContractState{Filled: "2", Size: "2", Height: 9}), checked(ContractState{Filled: "1", Size: "2"})},
			Order{Status: Sold, Token: token("1"), Filled: "1", Price: "10", Paid: "10"}},
		"the contract knows of no fill": {[]Event{fill("1", Event{}), checked(ContractState{Filled: "0", Size: "0"})},
			Order{Status: Sold, Token: token("1"), Quantity: "1", Filled: "1", Price: "10", Paid: "10", Anomalies: 1}},
		"the contract says more than all": {[]Event{fill("1", part), checked(ContractState{Filled: "3", Size: "2"})},
			Order{Status: Partial, Token: token("1"), Filled: "1", Price: "10", Paid: "10", Anomalies: 1}},
	} {
		var events []Event
		for i, e := range c.events {
			e.Position, e.Time = Position{Height: int64(i + 1)}, time.Unix(int64(i+1), 0)
			if e.Kind != OrdersCancelled {
				e.Order = "a"
			}
			events = append(events, e)
		}
		o, _ := FoldOrder("chain", "market", "a", events)
		got := Order{Status: o.Status, Token: o.Token, Quantity: o.Quantity, Filled: o.Filled, Price: o.Price, Paid: o.Paid, Anomalies: o.Anomalies}
		if line(got) != line(c.want) {
			t.Errorf("%s:\n got %s\nwant %s", name, line(got), line(c.want))
		}
	}
}

// An order that was signed off chain keeps its counter when it is validated on chain: it is
// part of what was signed, and the log does not tell it.
func TestAValidatedOrderKeepsItsCounter(t *testing.T) {
	signed := Event{Kind: Listed, Order: "a", Fixed: true, Quantity: "1", Terms: Terms{Signature: "0x12", Parameters: &Parameters{Salt: "7", Counter: "5"}}}
	validated := signed
	validated.Position.Height, validated.Signature, validated.Parameters = 1, "", &Parameters{Salt: "7"}
	o, _ := FoldOrder("c", "m", "a", []Event{signed, validated})
	if o.Parameters.Counter != "5" || o.Signature != "0x12" {
		t.Errorf("counter %q, signature %q", o.Parameters.Counter, o.Signature)
	}
}

// An order that was closed since its contracts were last asked is asked about once more.
func TestAClosedOrderIsOpenUntilTheLastWord(t *testing.T) {
	at := func(e Event, height int64) Event {
		e.Order, e.Position.Height = "a", height
		return e
	}
	said := func(filled, size Amount) Event {
		return Event{Kind: OrderChecked, Fact: &Fact{State: &ContractState{Filled: filled, Size: size}}}
	}
	events := []Event{at(Event{Kind: Listed, Quantity: "1"}, 1), at(said("0", "0"), 2), at(Event{Kind: Bought, Quantity: "1"}, 3), at(said("1", "1"), 4)}
	for i, open := range []bool{true, true, true, false} {
		if o, _ := FoldOrder("c", "m", "a", events[:i+1]); o.Open != open {
			t.Errorf("after %d events: %v, %s", i+1, o.Open, o.Status)
		}
	}
	if o, _ := FoldOrder("c", "m", "a", append(events[:1:1], events[2])); o.Open {
		t.Error("one that was never asked about is open")
	}
}
