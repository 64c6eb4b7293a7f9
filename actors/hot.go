package actors

import (
	"context"
	"sync/atomic"

	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// hot has the cache of orders of each market whose orders run on this node. It is made at the
// start and outlives restarts.
type hot map[persistence.MarketRef]*atomic.Pointer[projection.Cache]

func newHot(chains []Chain) hot {
	h := hot{}
	for _, c := range chains {
		for _, m := range c.Markets {
			h[persistence.MarketRef{Chain: c.Name, Market: m.Name}] = new(atomic.Pointer[projection.Cache])
		}
	}
	return h
}

// serve has a market's orders read from a cache.
func (h hot) serve(market persistence.MarketRef, cache *projection.Cache) {
	if p := h[market]; p != nil {
		p.Store(cache)
	}
}

// withdraw ends that, unless another cache is served by now.
func (h hot) withdraw(market persistence.MarketRef, cache *projection.Cache) {
	if p := h[market]; p != nil {
		p.CompareAndSwap(cache, nil)
	}
}

// Owns reports whether a chain's actors run on this node. Another node may have taken the chain
// over a moment ago.
func (n *Node) Owns(chain string) bool {
	for market, cache := range n.hot {
		if market.Chain == chain && cache.Load() != nil {
			return true
		}
	}
	return false
}

// Order returns an order of a market as of its last commit, and false if there is none. It
// comes from memory if this node is certain to own the chain, unless the order was not
// needed lately or is being committed; otherwise it comes from the store. The market's
// writer is not delayed. No answer is older than one that any node gave before it was asked
// for.
func (n *Node) Order(ctx context.Context, market persistence.MarketRef, key string) (markets.Order, bool, error) {
	if p := n.hot[market]; p != nil {
		if cache := p.Load(); cache != nil {
			if order, ok := cache.Order(key); ok && n.trust.covers(market.Chain) { // in this order
				return order, true, nil
			}
		}
	}
	found, err := persistence.Collect[markets.Order](ctx, n.store, persistence.Query{
		Collection: persistence.Orders, Limit: 1,
		Filter: persistence.Filter{Condition: persistence.Equals("_id", markets.Order{Chain: market.Chain, Market: market.Market, Key: key}.ID())},
	})
	if err != nil || len(found) == 0 {
		return markets.Order{}, false, err
	}
	return found[0], true, nil
}
