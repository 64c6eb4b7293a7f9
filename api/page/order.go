package page

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/finality"
)

// eventsShown bounds the events of an order that are shown.
const eventsShown = 500

// life is an order with all that happened to it.
type life struct {
	ID       string
	Order    markets.Order
	Document json.RawMessage
	Final    bool
	Events   []event
	More     bool // events that are not shown
}

// event is an activity of an order.
type event struct {
	markets.Activity
	Final bool
	Bulk  bool // it concerns all orders of the maker
}

func (p *Page) order(r *http.Request) (view, error) {
	id := r.URL.Query().Get("id")
	l := &life{ID: id}
	v := view{Section: "order", Title: "Order", Body: l, Live: true}
	docs := persistence.Query{Collection: persistence.Orders, Filter: persistence.Filter{Condition: persistence.Equals("_id", id)}, Limit: 1}
	for doc, err := range p.opts.Data.Query(r.Context(), docs) {
		if err != nil {
			return v, err
		}
		if err := json.Unmarshal(doc, &l.Order); err != nil {
			return v, err
		}
		l.Document = doc
	}
	if l.Document == nil {
		return v, problem{http.StatusNotFound, "There is no order with this id. It may have been undone by a reorganisation, or never existed."}
	}
	horizon, err := finality.Read(r.Context(), p.opts.Data, persistence.Orders)
	if err != nil {
		return v, err
	}
	if l.Final, err = horizon.Final(l.Document); err != nil {
		return v, err
	}
	return v, p.events(r, l)
}

// events reads what happened to an order: its own activities, and its maker's bulk cancels.
func (p *Page) events(r *http.Request, l *life) error {
	horizon, err := finality.Read(r.Context(), p.opts.Data, persistence.Activities)
	if err != nil {
		return err
	}
	o := l.Order
	own := append(persistence.MarketRef{Chain: o.Chain, Market: o.Market}.Documents(), persistence.Equals("order", o.Key))
	found, err := p.find(r, horizon, own, false)
	if err != nil {
		return err
	}
	if o.Maker != "" {
		bulk := append(persistence.MarketRef{Chain: o.Chain, Market: o.Market}.Documents(),
			persistence.Equals("maker", o.Maker), persistence.Equals("kind", string(markets.OrdersCancelled)))
		cancels, err := p.find(r, horizon, bulk, true)
		if err != nil {
			return err
		}
		found = append(found, cancels...)
	}
	slices.SortStableFunc(found, func(a, b event) int { return a.Position.Compare(b.Position) })
	if l.Events = found; len(found) > eventsShown {
		l.Events, l.More = found[:eventsShown], true
	}
	return nil
}

func (p *Page) find(r *http.Request, horizon finality.Horizon, condition persistence.Condition, bulk bool) ([]event, error) {
	var found []event
	query := persistence.Query{
		Collection: persistence.Activities, Filter: persistence.Filter{Condition: condition}, Limit: eventsShown + 1,
		Sort: []persistence.SortKey{{Path: "position.height"}, {Path: "position.tx"}, {Path: "position.log"}, {Path: "position.sub"}},
	}
	for doc, err := range p.opts.Data.Query(r.Context(), query) {
		if err != nil {
			return nil, err
		}
		e := event{Bulk: bulk}
		if err := json.Unmarshal(doc, &e.Activity); err != nil {
			return nil, err
		}
		if e.Final, err = horizon.Final(doc); err != nil {
			return nil, err
		}
		if bulk && e.Order != "" {
			continue // it is found by its key
		}
		found = append(found, e)
	}
	return found, nil
}

// Reasons are the words for why an order cannot be filled.
func (l *life) Reasons() string {
	if l.Order.Fillable == nil {
		return ""
	}
	var words []string
	for _, reason := range l.Order.Fillable.Reasons {
		words = append(words, reasonWords[reason])
	}
	return strings.Join(words, "; ")
}

var reasonWords = map[markets.Reason]string{
	markets.NotOwner:     "the maker does not have the token",
	markets.NoApproval:   "the maker has not approved the token's transfer",
	markets.NoBalance:    "the maker does not have the money",
	markets.NoAllowance:  "the maker has not allowed the market to take the money",
	markets.ZoneDecides:  "the order's zone must agree",
	markets.PrivateOrder: "only one taker can fill it",
	markets.CounterRisen: "the maker has cancelled all earlier orders",
	markets.WasCancelled: "it was cancelled in the contract",
	markets.WasFilled:    "it was filled in the contract",
	markets.BadSignature: "the maker's contract no longer takes the signature",
}
