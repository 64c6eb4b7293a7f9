package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// stepsShown is the largest number of an order's events that are shown: the last ones.
const stepsShown = 300

// life is an order with its history.
type life struct {
	explain.Explanation
	Asked    string // the requested id
	Document json.RawMessage
	Shown    []step
	Earlier  int // the number of steps that are not shown
}

// step is an event of an order and the changes it made.
type step struct {
	explain.Step
	Changed []change
}

// change is the change of one field, formatted.
type change struct{ Field, From, To string }

func (p *Page) order(r *http.Request) (view, error) {
	l := &life{Asked: r.URL.Query().Get("id")}
	v := view{Section: "order", Title: "Order", Body: l, Live: true}
	explanation, err := explain.Order(r.Context(), p.opts.Data, l.Asked, nil, time.Now())
	switch {
	case errors.Is(err, explain.ErrUnknown), errors.Is(err, explain.ErrAmbiguous):
		return v, problem{http.StatusNotFound, err.Error()}
	case err != nil:
		return v, err
	}
	l.Explanation = explanation
	l.Earlier = max(0, len(explanation.Steps)-stepsShown)
	for i, s := range explanation.Steps {
		if i >= l.Earlier {
			l.Shown = append(l.Shown, step{s, changes(s.Changes, currencyAt(explanation, i))})
		}
	}
	docs := persistence.Query{Collection: persistence.Orders, Filter: persistence.Filter{Condition: persistence.Equals("_id", explanation.ID)}, Limit: 1}
	for doc, err := range p.opts.Data.Query(r.Context(), docs) {
		if err != nil {
			return v, err
		}
		l.Document = doc
	}
	return v, nil
}

// currencyAt returns the currency of an order after one of its steps.
func currencyAt(e explain.Explanation, at int) (c markets.Currency) {
	for i := at; i >= 0; i-- {
		for _, changed := range e.Steps[i].Changes {
			if changed.Field == "currency" {
				_ = json.Unmarshal(changed.To, &c) // an unknown currency if that fails
				return c
			}
		}
	}
	return c
}

// hiddenFields are fields whose changes are not shown.
var hiddenFields = map[string]bool{"chain": true, "market": true, "key": true, "first": true, "last": true, "checked": true, "open": true}

func changes(all []explain.Change, c markets.Currency) (out []change) {
	for _, changed := range all {
		if !hiddenFields[changed.Field] {
			out = append(out, change{changed.Field, value(changed.Field, changed.From, c), value(changed.Field, changed.To, c)})
		}
	}
	return out
}

// maxValue limits the length of a formatted value, in bytes.
const maxValue = 240

// value formats the value of an order's field; empty if the order does not have the field.
func value(field string, text json.RawMessage, c markets.Currency) string {
	if text == nil {
		return ""
	}
	var plain string
	isText := json.Unmarshal(text, &plain) == nil
	switch field {
	case "price", "paid", "unitPrice", "endPrice":
		return price(markets.Amount(plain), c)
	case "token":
		var t markets.Token
		if json.Unmarshal(text, &t) == nil {
			return token(t)
		}
	case "currency":
		var currency markets.Currency
		if json.Unmarshal(text, &currency) == nil && currency.Symbol != "" {
			return printable.Line(currency.Symbol, 16)
		}
	case "fillable":
		var f markets.Fillability
		if json.Unmarshal(text, &f) == nil {
			return string(f.Answer) + strings.TrimSuffix(" "+fmt.Sprint(f.Reasons), " []")
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, plain); err == nil {
		return stamp(t)
	}
	if isText {
		return printable.Line(plain, maxValue)
	}
	return printable.Line(string(text), maxValue)
}
