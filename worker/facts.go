package worker

import (
	"cmp"
	"context"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/facts"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/currency"
	"github.com/imart/event-worker/persistence"
)

// zeroAddress stands for a chain's own coin.
const zeroAddress = "0x0000000000000000000000000000000000000000"

// withFacts adds streams of facts to the markets of a chain that support them.
func (w *Worker) withFacts(ctx context.Context, c config.Chain, chain actors.Chain) actors.Chain {
	asker, ok := chain.Chain.(facts.Asker)
	if !ok || c.Recorded {
		return chain
	}
	known := append(currency.WellKnown(markets.EVM, c.ID), markets.Currency{Address: zeroAddress, Symbol: cmp.Or(c.Coin, "ETH"), Decimals: 18})
	var all []facts.Market
	for i, m := range chain.Markets {
		market, ok := facts.MarketOf(c.Name, m.Market, known)
		if ok && c.Markets[i].NoFacts {
			w.warnOfFacts(ctx, market)
		}
		if !ok || c.Markets[i].NoFacts {
			continue
		}
		all = append(all, market)
		chain.Markets[i] = startWith(m, market.Stream().Name, firstStream(m))
		chain.Markets[i].Streams = append(chain.Markets[i].Streams[:len(m.Streams):len(m.Streams)], market.Stream())
	}
	if len(all) > 0 {
		chain.Chain = facts.NewChain(chain.Chain, asker, c.ID, w.store, all, w.log)
	}
	return chain
}

// warnOfFacts warns if an earlier run has written facts, which are no longer updated.
func (w *Worker) warnOfFacts(ctx context.Context, m facts.Market) {
	before := persistence.Query{
		Collection: persistence.Actors,
		Filter:     persistence.Filter{Condition: append(m.Ref.Documents(), persistence.Equals("_id", m.Ref.Chain+"/"+m.Ref.Market+"/"+markets.StateStream+"/subject"))},
	}
	found, err := persistence.Collect[persistence.Actor](ctx, w.store, before)
	if err == nil && len(found) > 0 {
		w.log.Warn("facts are switched off: the orders' fillable is no longer updated",
			"chain", m.Ref.Chain, "market", m.Ref.Market, "block", found[0].Seq)
	}
}

// firstStream returns the stream of a market that starts first, as far as that is known.
func firstStream(m actors.Market) string {
	first := m.Streams[0].Name
	for _, s := range m.Streams {
		switch {
		case m.Find(s.Name) != nil:
		case m.Find(first) != nil, m.Start(s.Name).Seq < m.Start(first).Seq:
			first = s.Name
		}
	}
	return first
}

// startWith returns a market in which one stream starts where another one does.
func startWith(m actors.Market, stream, with string) actors.Market {
	of := func(name string) string {
		if name == stream {
			return with
		}
		return name
	}
	start, find := m.Start, m.Find
	m.Start = func(name string) markets.Place { return start(of(name)) }
	m.Find = func(name string) func(context.Context) (markets.Place, error) { return find(of(name)) }
	return m
}
