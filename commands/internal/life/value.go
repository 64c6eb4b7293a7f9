package life

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/markets"
)

// shown limits the display of a value, in bytes.
const shown = 200

// value formats the value of an order's field. Amounts of money are in the order's
// currency.
func value(field string, text json.RawMessage, c markets.Currency) string {
	switch field {
	case "price", "paid", "unitPrice", "endPrice":
		return of(text, func(a markets.Amount) string { return money(a, c) })
	case "startsAt", "expiresAt", "listedAt", "filledAt", "soldAt", "canceledAt":
		return of(text, func(t time.Time) string { return explain.Clock(t) })
	case "token":
		return of(text, token)
	case "currency":
		return of(text, currency)
	case "fillable":
		return of(text, fillable)
	case "contractState":
		return of(text, contractState)
	case "fees", "royalties":
		return of(text, payments)
	case "prices":
		return of(text, prices)
	case "bundle":
		return of(text, func(items []markets.Item) string { return human.Some(int64(len(items)), "item") })
	case "parameters":
		return "set"
	}
	return of(text, func(v any) string {
		if s, ok := v.(string); ok {
			return printable.Line(s, shown)
		}
		return raw(text)
	})
}

// of decodes and formats a value; a value of another type stays as it is.
func of[T any](text json.RawMessage, format func(T) string) string {
	var v T
	if json.Unmarshal(text, &v) != nil {
		return raw(text)
	}
	return format(v)
}

func raw(text json.RawMessage) string {
	if text == nil {
		return "none"
	}
	return printable.Line(string(text), shown)
}

// currency is the order's currency after the steps so far.
func (w *writer) currency() (c markets.Currency) {
	_ = json.Unmarshal(w.fields["currency"], &c) // stays empty if there is none yet
	return c
}

// money formats an amount, followed by the number of smallest units:
// 0.4 ETH (400000000000000000).
func money(a markets.Amount, c markets.Currency) string {
	switch {
	case !a.Known():
		return ""
	case c.Symbol == "" || c.Decimals == 0:
		return cli.Price(a, c)
	}
	return fmt.Sprintf("%s (%s)", cli.Price(a, c), a)
}

func token(t markets.Token) string {
	var parts []string
	if t.Name != "" {
		parts = append(parts, fmt.Sprintf("%q", t.Name))
	}
	switch {
	case strings.HasPrefix(t.ID, "0x"):
		parts = append(parts, t.ID)
	case t.ID != "":
		parts = append(parts, "#"+t.ID)
	case t.Name == "" && t.Collection != "":
		parts = append(parts, "any")
	}
	if t.Collection != "" {
		parts = append(parts, "of "+t.Collection)
	}
	return strings.Join(parts, " ")
}

func currency(c markets.Currency) string {
	if c.Symbol == "" {
		return c.Address
	}
	return fmt.Sprintf("%s, %d decimals, %s", c.Symbol, c.Decimals, c.Address)
}

func fillable(f markets.Fillability) string {
	text := string(f.Answer)
	if len(f.Reasons) > 0 {
		var reasons []string
		for _, r := range f.Reasons {
			reasons = append(reasons, string(r))
		}
		text += " (" + strings.Join(reasons, ", ") + ")"
	}
	return text
}

func contractState(s markets.ContractState) string {
	var parts []string
	if s.Validated {
		parts = append(parts, "validated")
	}
	if s.Cancelled {
		parts = append(parts, "cancelled")
	}
	if s.Size == "0" || !s.Size.Known() {
		parts = append(parts, "not filled")
	} else {
		parts = append(parts, fmt.Sprintf("filled %s of %s", s.Filled, s.Size))
	}
	if s.Height > 0 {
		parts = append(parts, "as of block "+human.Grouped(s.Height))
	}
	return strings.Join(parts, ", ")
}

// cancelled describes the orders that a bulk cancel cancels.
func cancelled(e markets.Event) string {
	text := "the maker's orders"
	switch {
	case e.Nonce.Known():
		text += " with the nonce " + string(e.Nonce)
	case e.Below.Known():
		text += " with a nonce below " + string(e.Below)
	default:
		text = "all earlier orders of the maker"
	}
	if e.Contract != "" {
		text += " on " + e.Contract
	}
	if e.Side != "" {
		text += ", those that " + map[markets.Side]string{markets.Ask: "sell", markets.Bid: "buy"}[e.Side]
	}
	return text
}

// fact describes the answers of contracts.
func fact(f markets.Fact) string {
	var parts []string
	if f.State != nil {
		parts = append(parts, contractState(*f.State))
	}
	if f.Fillable != nil {
		parts = append(parts, "fillable: "+fillable(*f.Fillable))
	}
	if f.Owner != "" {
		parts = append(parts, "the token is owned by "+f.Owner)
	}
	if len(parts) == 0 {
		return "nothing usable"
	}
	return strings.Join(parts, "; ")
}

func payments(all []markets.Payment) string {
	var parts []string
	for _, p := range all {
		parts = append(parts, cli.Price(p.Amount, p.Currency)+" to "+human.Short(p.Receiver))
	}
	return strings.Join(parts, ", ")
}

func prices(all []markets.Money) string {
	var parts []string
	for _, p := range all {
		parts = append(parts, cli.Price(p.Amount, p.Currency))
	}
	return strings.Join(parts, ", ")
}
