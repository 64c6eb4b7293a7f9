package worker

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/aptos"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets"
)

// Chains opens the configured chains, those before a failure too. It asks nothing of their
// endpoints yet. Options describe numbers, which may be nil.
func Chains(cfg config.Config, numbers func(config.Chain) (func(markets.Source) []int64, error), log *slog.Logger) ([]actors.Chain, error) {
	var out []actors.Chain
	budget := chains.NewBudget(cfg.Memory)
	for _, c := range cfg.Chains {
		chain := actors.Chain{Name: c.Name, Poll: c.Poll}
		var sources []markets.Source
		for _, m := range c.Markets {
			sources = append(sources, Sources(m.Market)...)
		}
		var known func(markets.Source) []int64
		var err error
		if numbers != nil {
			known, err = numbers(c)
		}
		if err == nil {
			chain.Chain, err = newChain(c, sources, known, budget, log)
		}
		if err != nil {
			return out, fmt.Errorf("chain %s: %w", c.Name, err)
		}
		for _, m := range c.Markets {
			chain.Markets = append(chain.Markets, marketOn(m, chain.Chain))
		}
		out = append(out, chain)
	}
	return out, nil
}

// Sources are those of a market's streams.
func Sources(m markets.Market) []markets.Source {
	var sources []markets.Source
	for _, s := range m.Streams {
		sources = append(sources, s.Source)
	}
	return sources
}

// newChain makes a chain of its configuration.
func newChain(c config.Chain, sources []markets.Source, numbers func(markets.Source) []int64, budget *chains.Budget, log *slog.Logger) (chains.Chain, error) {
	log = log.With("chain", c.Name)
	if c.Kind == markets.Aptos {
		return aptos.New(aptos.Config{
			Endpoints: c.Endpoints, ChainID: c.ID, Timeout: c.Timeout, Numbers: numbers, Sources: sources,
			Stream: c.Stream, StreamToken: strings.TrimPrefix(c.Header.Get("Authorization"), "Bearer "), Budget: budget, Log: log,
		})
	}
	return evm.New(evm.Config{
		Endpoints: c.Endpoints, ChainID: c.ID, Timeout: c.Timeout, Sources: sources,
		Confirmations: c.Confirmations, MaxUnfinal: c.MaxUnfinal, MaxRange: c.MaxRange,
		InFlight: c.InFlight, MaxBatch: c.MaxBatch, IncompleteBlooms: c.Preset.IncompleteBlooms,
		ConfirmViolations: c.FinalityViolations.Confirm, HoldViolations: c.FinalityViolations.Wait, Budget: budget, Log: log,
	})
}
