package tradeport

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/imart/event-worker/markets"
)

// data is the union of the data of the market's events. All have a price.
type data struct {
	Listing    object `json:"listing"`
	Bid        object `json:"bid"`
	Token      object `json:"token"`
	Collection object `json:"collection"`

	Seller    string `json:"seller"`
	Buyer     string `json:"buyer"`
	BidBuyer  string `json:"bid_buyer"`
	BidSeller string `json:"bid_seller"`

	Price string `json:"price"` // in octas, 10^-8 APT
}

// object is a reference to an object.
type object struct {
	Inner string `json:"inner"`
}

// interpretation says what an event's data means.
type interpretation func(data) facts

// facts is what an event says, as the node wrote it.
type facts struct {
	kind         markets.Kind
	side         markets.Side
	order        string
	maker, taker string // the taker is empty when nothing was taken
}

func listed(d data) facts {
	return facts{kind: markets.Listed, side: markets.Ask, order: d.Listing.Inner, maker: d.Seller}
}

func delisted(d data) facts {
	return facts{kind: markets.Delisted, side: markets.Ask, order: d.Listing.Inner, maker: d.Seller}
}

func bought(d data) facts {
	return facts{kind: markets.Bought, side: markets.Ask, order: d.Listing.Inner, maker: d.Seller, taker: d.Buyer}
}

func offered(d data) facts {
	return facts{kind: markets.OfferMade, side: markets.Bid, order: d.Bid.Inner, maker: d.BidBuyer}
}

func offerCancelled(d data) facts {
	return facts{kind: markets.OfferCancelled, side: markets.Bid, order: d.Bid.Inner, maker: d.BidBuyer}
}

func offerAccepted(d data) facts {
	return facts{kind: markets.OfferAccepted, side: markets.Bid, order: d.Bid.Inner, maker: d.BidBuyer, taker: d.BidSeller}
}

var errNoToken = errors.New("neither a token nor a collection")

// decoder decodes the events of one type, one by one.
func decoder(eventType string, interpret interpretation) func([]markets.Raw) ([]markets.Event, []markets.Failure) {
	return func(transaction []markets.Raw) (events []markets.Event, failures []markets.Failure) {
		for _, raw := range transaction {
			e, err := decode(raw, eventType, interpret)
			if err != nil {
				failures = append(failures, markets.Failure{Raw: raw, Reason: err})
				continue
			}
			events = append(events, e)
		}
		return events, failures
	}
}

func decode(raw markets.Raw, eventType string, interpret interpretation) (markets.Event, error) {
	if raw.Type != eventType {
		return markets.Event{}, fmt.Errorf("event of type %.200q, not %s", raw.Type, eventType)
	}
	var d data
	if err := json.Unmarshal(raw.JSON, &d); err != nil {
		return markets.Event{}, fmt.Errorf("data: %w", err)
	}
	return eventOf(raw, d, interpret(d))
}

func eventOf(raw markets.Raw, d data, f facts) (markets.Event, error) {
	var (
		p = parser{}
		e = markets.Event{
			Kind:     f.kind,
			Position: raw.Position,
			Order:    p.address("order", f.order),
			Side:     f.side,
			Maker:    p.address("maker", f.maker),
			Token:    p.token(d, raw.Ledger),
			Quantity: "1",
			Price:    p.amount("price", d.Price),
			Currency: apt,
			Contract: account,
		}
	)
	if f.kind.Sale() {
		e.Taker = p.address("taker", f.taker)
		e.From, e.To = parties(e)
	}
	return e, p.err
}

// parties are who gave and who received the token of a sale.
func parties(e markets.Event) (from, to string) {
	if e.Side == markets.Ask {
		return e.Maker, e.Taker
	}
	return e.Taker, e.Maker
}

// parser reads fields and keeps the first error.
type parser struct{ err error }

func (p *parser) fail(field string, err error) {
	if p.err == nil {
		p.err = fmt.Errorf("%s: %w", field, err)
	}
}

func (p *parser) address(field, value string) string {
	address, err := normalised(value)
	if err != nil {
		p.fail(field, err)
	}
	return address
}

func (p *parser) amount(field, value string) markets.Amount {
	amount, err := markets.ParseAmount(value)
	if err != nil {
		p.fail(field, err)
	}
	return amount
}

// token is what an event is about: a token, which the transaction may tell more
// about, or any token of a collection.
func (p *parser) token(d data, ledger *markets.AptosTransaction) markets.Token {
	t := markets.Token{Standard: markets.AptosObject}
	switch {
	case d.Token.Inner != "":
		t.ID = p.address("token", d.Token.Inner)
		t.Collection, t.Name = describe(t.ID, ledger)
	case d.Collection.Inner != "":
		t.Collection = p.address("collection", d.Collection.Inner)
	default:
		p.fail("token", errNoToken)
	}
	return t
}
