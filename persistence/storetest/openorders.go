package storetest

import (
	"fmt"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// openShop puts open orders of three makers, asked about at several heights or never, one that
// is closed, and one of another market.
func (s *suite) openShop() {
	s.T.Helper()
	var all []markets.Order
	for i, height := range []int64{0, 7, 5, 0, 7, 9, 5, 0} {
		o := markets.Order{
			Chain: chain, Market: seaport.Market, Key: fmt.Sprintf("0x%d", i), Status: markets.Listing, Open: true,
			Maker: fmt.Sprintf("m%d", i%3), First: markets.Position{Height: 1}, Last: markets.Position{Height: 9},
		}
		if height > 0 {
			o.Checked = &markets.Position{Height: height}
		}
		if i == 5 {
			o.Status, o.Open = markets.Sold, false
		}
		all = append(all, o)
	}
	other := all[0] // of another market
	shop := persistence.MarketRef{Chain: chain, Market: "shop"}
	other.Market = shop.Market
	s.within(seaport, func(tx persistence.Tx) error { return tx.PutOrders(all) })
	s.within(shop, func(tx persistence.Tx) error { return tx.PutOrders([]markets.Order{other}) })
}

// keysOf are the keys of orders, in their order.
func keysOf(orders []markets.Order) string {
	var keys []string
	for _, o := range orders {
		keys = append(keys, strings.TrimPrefix(o.Key, "0x"))
	}
	return strings.Join(keys, " ")
}

var openOrderTests = []test{
	// Those never asked about come first, then those that were asked about longest ago.
	{"ComeByTheHeightOfTheirLastFact", func(s *suite) {
		s.openShop()
		const want = "0 3 7 2 6 1 4"
		for limit := 1; limit <= 8; limit++ {
			var got []markets.Order
			after := persistence.OpenCursor{}
			for range 10 {
				page, err := s.store.OpenOrders(s.Context(), seaport, after, limit)
				s.must(err)
				if got = append(got, page...); len(page) < limit {
					break
				}
				after = persistence.CursorAt(page[len(page)-1])
			}
			s.same(fmt.Sprintf("pages of %d", limit), keysOf(got), want)
		}
	}},
	{"AreThoseOfTheirMakers", func(s *suite) {
		s.openShop()
		found, err := s.store.OpenOrdersOf(s.Context(), seaport, []string{"m2", "m0", "none"}, 10)
		s.must(err)
		names := map[string]bool{}
		for _, o := range found {
			names[o.Key] = true
		}
		s.same("orders", names, map[string]bool{"0x0": true, "0x2": true, "0x3": true, "0x6": true})
		few, err := s.store.OpenOrdersOf(s.Context(), seaport, []string{"m0"}, 2)
		s.must(err)
		s.same("at most", len(few), 2)
		none, err := s.store.OpenOrdersOf(s.Context(), seaport, nil, 2)
		s.must(err)
		s.same("of nobody", len(none), 0)
	}},
	{"AreFoundByKeyOpenOrNot", func(s *suite) {
		s.openShop()
		found, err := s.store.OrdersWith(s.Context(), seaport, []string{"0x5", "0x1", "none"})
		s.must(err)
		names := map[string]markets.Status{}
		for _, o := range found {
			names[o.Key] = o.Status
		}
		s.same("orders", names, map[string]markets.Status{"0x5": markets.Sold, "0x1": markets.Listing})
		none, err := s.store.OrdersWith(s.Context(), persistence.MarketRef{Chain: "other", Market: "none"}, []string{"0x1"})
		s.must(err)
		s.same("of another chain", len(none), 0)
	}},
}
