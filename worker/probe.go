package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/waiting"
)

const (
	// probeTimeout bounds the first look at a chain.
	probeTimeout = 20 * time.Second
	// patience is the time after which the worker starts although no chain has answered.
	patience = 5 * time.Second
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

// looked is what came of the look at one chain.
type looked struct {
	chain int
	err   error
}

// look looks at all chains concurrently. If all must work, the error describes each that
// does not. Otherwise look returns as soon as one chain works, or after patience: the
// others are logged as warnings and wait for their endpoints. It is an error if the
// endpoints of all chains serve other chains, because only a new configuration can correct
// that.
func (p *probe) look(ctx context.Context, all bool) error {
	within, cancel := context.WithTimeout(ctx, probeTimeout)
	p.cancel = cancel
	results := make(chan looked, len(p.sources))
	for i := range p.sources {
		p.looking.Go(func() { results <- looked{i, p.first(within, i)} })
	}
	answered := make([]atomic.Bool, len(p.sources))
	defer waiting.Say(func(waited time.Duration) { p.logWait(answered, waited) })()
	waited := time.NewTimer(patience)
	defer waited.Stop()
	var failed []looked
	enough := false
	open := len(p.sources)
	for open > 0 && !enough {
		select {
		case r := <-results:
			open--
			answered[r.chain].Store(true)
			if r.err != nil {
				failed = append(failed, r)
			}
			enough = r.err == nil && !all
		case <-waitOver(waited, all):
			enough = true
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := p.hopeless(failed, all); err != nil {
		return err
	}
	for _, r := range failed {
		p.warn(r)
	}
	p.looking.Go(func() { p.warnOfRest(results, open) })
	return nil
}

// logWait logs which chains have not answered yet.
func (p *probe) logWait(answered []atomic.Bool, waited time.Duration) {
	var open []string
	for i, c := range p.sources {
		if !answered[i].Load() {
			open = append(open, c.Name)
		}
	}
	p.log.Info("waiting for the endpoints of chains to answer", "chains", strings.Join(open, ", "), "waited", waited)
}

// hopeless returns the error for which the process must not start; nil if it can start.
func (p *probe) hopeless(failed []looked, all bool) error {
	errs, wrong := make([]error, len(p.sources)), 0
	for _, r := range failed {
		errs[r.chain] = r.err
		if errors.Is(r.err, chains.ErrWrongChain) {
			wrong++
		}
	}
	if all || wrong == len(p.sources) {
		return errors.Join(errs...)
	}
	return nil
}

// warnOfRest logs the failures of the chains that had not answered when look returned.
func (p *probe) warnOfRest(results <-chan looked, rest int) {
	for range rest {
		if r := <-results; r.err != nil && !errors.Is(r.err, context.Canceled) {
			p.warn(r)
		}
	}
}

func (p *probe) warn(r looked) {
	name := p.sources[r.chain].Name
	p.log.Warn(fmt.Sprintf("chain %s is waiting for its endpoint and retries", name), "chain", name, "reason", r.err)
}

// waitOver returns the timer's channel; nil if all chains must work.
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
				p.log.Warn("a stream starts above the chain's head: it waits until the head reaches its start", "chain", p.sources[i].Name,
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
	return fmt.Errorf("chain %s: %s cannot be used: %w: check endpoint of chains.%s in %s, and the network", c.Name, c.Host(), err, c.Name, cfg.File)
}
