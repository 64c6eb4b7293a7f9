package facts

import (
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport"
	"github.com/imart/event-worker/persistence"
)

// MarketOf is a market with orders in Seaport contracts, whatever it is called; false if it
// has none. Known are the currencies of the chain, its own coin among them.
func MarketOf(chain string, m markets.Market, known []markets.Currency) (Market, bool) {
	out := Market{Ref: persistence.MarketRef{Chain: chain, Market: m.Name}, Known: known}
	for _, s := range m.Streams {
		if s.Name == markets.StateStream {
			return Market{}, false
		}
		out.Streams = append(out.Streams, s.Name)
		if seaport.DecodesStream(s) {
			out.Contracts = append(out.Contracts, s.Source.Addresses...)
			out.Notifies = out.Notifies || s.Notifies
		}
	}
	slices.Sort(out.Contracts)
	out.Contracts = slices.Compact(out.Contracts)
	return out, len(out.Contracts) > 0
}
