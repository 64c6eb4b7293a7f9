package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// salesShown is the number of sales of each market in a summary.
const salesShown = 3

// summary describes a market's orders and its last sales.
func summary(ctx context.Context, docs persistence.Querier, ref persistence.MarketRef) (string, error) {
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
		b.WriteString(describe(sale.Event))
	}
	return b.String(), nil
}

// statuses counts a market's orders by status.
func statuses(ctx context.Context, docs persistence.Querier, ref persistence.MarketRef) (string, error) {
	orders, err := persistence.Collect[markets.Order](ctx, docs, persistence.Query{
		Collection: persistence.Orders,
		Filter:     persistence.Filter{Condition: ref.Documents()},
	})
	if err != nil {
		return "", err
	}
	counts := map[markets.Status]int64{}
	for _, o := range orders {
		counts[o.Status]++
	}
	parts := []string{human.Some(int64(len(orders)), "order")}
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %s", human.Grouped(counts[status]), status))
	}
	return strings.Join(parts, ", "), nil
}

// lastSales returns a market's newest sales.
func lastSales(ctx context.Context, docs persistence.Querier, ref persistence.MarketRef) ([]markets.Activity, error) {
	sale := persistence.Or{persistence.Equals("kind", string(markets.Bought)), persistence.Equals("kind", string(markets.OfferAccepted))}
	return persistence.Collect[markets.Activity](ctx, docs, persistence.Query{
		Collection: persistence.Activities,
		Filter:     persistence.Filter{Condition: append(ref.Documents(), sale)},
		Sort: []persistence.SortKey{
			{Path: "position.height", Descending: true}, {Path: "position.tx", Descending: true},
			{Path: "position.log", Descending: true}, {Path: "position.sub", Descending: true},
		},
		Limit: salesShown,
	})
}

// describe describes a sale.
func describe(e markets.Event) string {
	return fmt.Sprintf("  %s for %s, %s → %s\n    %s, transaction %s\n",
		token(e), cli.Price(e.Price, e.Currency), human.Short(e.From), human.Short(e.To), e.Time.UTC().Format(time.DateTime), e.Transaction)
}
