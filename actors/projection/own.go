package projection

import (
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// owned are those of a batch's events that are the market's own, as of the transaction:
//   - with a token of the market's collections;
//   - of an order that was submitted, or that the log has already: the cancellation of an
//     order does not name its tokens;
//   - a sale that fills such an order together with another one (Matched);
//   - a bulk cancel of an account with an order in the market.
func owned(tx persistence.Tx, own markets.Own, events []markets.Event) ([]markets.Event, error) {
	known, err := knownOrders(tx, events)
	if err != nil {
		return nil, err
	}
	matched := map[match]bool{}
	keep := make([]bool, len(events))
	for i, e := range events {
		keep[i] = known[e.Order] || own.Has(e)
		if e.Kind == markets.OrdersCancelled {
			orders, err := tx.OrdersOf(e.Maker, "", "", 1)
			if err != nil {
				return nil, err
			}
			keep[i] = len(orders) > 0
		}
		if keep[i] && e.Kind == markets.Matched {
			matched[matchOf(e)] = true
		}
	}
	var kept []markets.Event
	for i, e := range events {
		if keep[i] || e.Kind.Sale() && matched[matchOf(e)] {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

// match is what a sale and the other order that it fills have in common.
type match struct {
	transaction string
	token       markets.Token
}

func matchOf(e markets.Event) match { return match{e.Transaction, e.Token} }

// knownOrders are the orders of events that were submitted, or that the log has.
func knownOrders(tx persistence.Tx, events []markets.Event) (map[string]bool, error) {
	var keys []string
	for _, e := range events {
		if e.Order != "" {
			keys = append(keys, e.Order)
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if len(keys) == 0 {
		return nil, nil
	}
	known, err := tx.HandedIn(keys)
	if err != nil {
		return nil, err
	}
	log, err := tx.Log(slices.DeleteFunc(keys, func(key string) bool { return known[key] }))
	for _, e := range log {
		known[e.Order] = true
	}
	return known, err
}
