package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// salesShown is how many sales of each market a summary tells.
const salesShown = 3

// summary tells what is known of a market.
func summary(ctx context.Context, docs querier, ref persistence.MarketRef) (string, error) {
	counts, err := statuses(ctx, docs, ref)
	if err != nil {
		return "", err
	}
	sales, err := lastSales(ctx, docs, ref)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s: %s\n", ref.Market, ref.Chain, counts)
	for _, sale := range sales {
		b.WriteString(tell(sale.Event))
	}
	return b.String(), nil
}

// of matches the documents of a market.
func of(ref persistence.MarketRef) persistence.And {
	return persistence.And{equal("chain", ref.Chain), equal("market", ref.Market)}
}

func equal(path, value string) persistence.Compare {
	return persistence.Compare{Path: path, Operator: persistence.Equal, Operand: value}
}

// statuses counts a market's orders by status.
func statuses(ctx context.Context, docs querier, ref persistence.MarketRef) (string, error) {
	orders, err := collect[markets.Order](ctx, docs, persistence.Query{
		Collection: persistence.Orders,
		Filter:     persistence.Filter{Condition: of(ref)},
	})
	if err != nil {
		return "", err
	}
	counts := map[markets.Status]int64{}
	for _, o := range orders {
		counts[o.Status]++
	}
	parts := []string{some(int64(len(orders)), "order")}
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %s", grouped(counts[status]), status))
	}
	return strings.Join(parts, ", "), nil
}

// lastSales are a market's newest sales.
func lastSales(ctx context.Context, docs querier, ref persistence.MarketRef) ([]markets.Activity, error) {
	sale := persistence.Or{equal("kind", string(markets.Bought)), equal("kind", string(markets.OfferAccepted))}
	return collect[markets.Activity](ctx, docs, persistence.Query{
		Collection: persistence.Activities,
		Filter:     persistence.Filter{Condition: append(of(ref), sale)},
		Sort: []persistence.SortKey{
			{Path: "position.height", Descending: true}, {Path: "position.tx", Descending: true},
			{Path: "position.log", Descending: true}, {Path: "position.sub", Descending: true},
		},
		Limit: salesShown,
	})
}

// tell is a sale in words.
func tell(e markets.Event) string {
	return fmt.Sprintf("  %s for %s, %s → %s\n    %s, transaction %s\n",
		token(e), price(e.Price, e.Currency), short(e.From), short(e.To), e.Time.UTC().Format(time.DateTime), e.Transaction)
}
