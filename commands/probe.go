package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/config"
)

// probeTimeout bounds the first look at a chain, and soon how long the others wait for it
// where none has answered yet.
const (
	probeTimeout = 20 * time.Second
	soon         = 5 * time.Second
)

// probe is the first look at each chain.
type probe struct {
	cfg     config.Config
	sources []actors.Chain
	log     *slog.Logger
	looking sync.WaitGroup
	cancel  context.CancelFunc
}

func newProbe(cfg config.Config, sources []actors.Chain, log *slog.Logger) *probe {
	return &probe{cfg: cfg, sources: sources, log: log, cancel: func() {}}
}

// stop ends what is still looking.
func (p *probe) stop() {
	p.cancel()
	p.looking.Wait()
}

// look looks at all chains at once. Where all must be well the error tells of each that is
// not. Otherwise it returns as soon as one is well: the others are warned of, and wait for
// their endpoints. That all of them serve other chains can only be a configuration to
// correct.
func (p *probe) look(ctx context.Context, all bool) error {
	within, cancel := context.WithTimeout(ctx, probeTimeout)
	p.cancel = cancel
	results := make(chan error, len(p.sources))
	for i := range p.sources {
		p.looking.Go(func() {
			err := p.first(within, i)
			if err != nil && !all && !errors.Is(err, context.Canceled) {
				p.log.Warn(fmt.Sprintf("chain %s waits for its endpoint, which is tried again", p.sources[i].Name), "chain", p.sources[i].Name, "reason", err)
			}
			results <- err
		})
	}
	var errs []error
	wrong := 0
	waited := time.NewTimer(soon)
	defer waited.Stop()
	for range p.sources {
		var err error
		select {
		case err = <-results:
		case <-waitOver(waited, all):
			return nil
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && !all:
			return nil
		case errors.Is(err, chains.ErrWrongChain):
			wrong++
		}
		errs = append(errs, err)
	}
	if all || wrong == len(p.sources) {
		return errors.Join(errs...)
	}
	return nil
}

// waitOver ends unless all must be well.
func waitOver(waited *time.Timer, all bool) <-chan time.Time {
	if all {
		return nil
	}
	return waited.C
}

// first looks at one chain.
func (p *probe) first(ctx context.Context, i int) error {
	view, err := p.sources[i].Chain.Advance(ctx, nil)
	if err != nil {
		return explain(p.cfg, p.cfg.Chains[i], err)
	}
	for _, m := range p.cfg.Chains[i].Markets {
		for _, s := range m.Streams {
			if start := m.Starts[s.Name]; start.Kind == config.AtSeq && s.Source.Handle == "" && start.N > view.Head.Height() {
				p.log.Warn("a stream starts above the chain's head: nothing is read before the chain is there", "chain", p.sources[i].Name,
					"stream", m.Name+"/"+s.Name, "start", start.N, "head", view.Head.Height())
			}
		}
	}
	return nil
}

// explain says what an error of a chain's first look means for the configuration.
func explain(cfg config.Config, c config.Chain, err error) error {
	if errors.Is(err, chains.ErrWrongChain) {
		return fmt.Errorf("chain %s: %w: correct chainId or endpoint of chains.%s in %s", c.Name, err, c.Name, cfg.File)
	}
	return fmt.Errorf("chain %s: no use of %s: %w: check endpoint of chains.%s in %s, and the network", c.Name, c.Host(), err, c.Name, cfg.File)
}
