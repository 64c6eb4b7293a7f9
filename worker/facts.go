package worker

import (
	"cmp"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/facts"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/currency"
)

// zeroAddress stands for a chain's own coin.
const zeroAddress = "0x0000000000000000000000000000000000000000"

// withFacts adds the streams of facts to a chain's markets whose contracts can be asked.
func (w *Worker) withFacts(c config.Chain, chain actors.Chain) actors.Chain {
	asker, ok := chain.Chain.(facts.Asker)
	if !ok || c.Recorded {
		return chain
	}
	known := append(currency.WellKnown(markets.EVM, c.ID), markets.Currency{Address: zeroAddress, Symbol: cmp.Or(c.Coin, "ETH"), Decimals: 18})
	var all []facts.Market
	for i, m := range chain.Markets {
		market, ok := facts.MarketOf(c.Name, m.Market, known)
		if !ok || c.Markets[i].NoFacts {
			continue
		}
		all = append(all, market)
		chain.Markets[i].Streams = append(chain.Markets[i].Streams[:len(m.Streams):len(m.Streams)], market.Stream())
	}
	if len(all) > 0 {
		chain.Chain = facts.NewChain(chain.Chain, asker, c.ID, w.store, all, w.log)
	}
	return chain
}
