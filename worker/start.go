package worker

import (
	"context"
	"fmt"
	"sync"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets"
)

// Optional interfaces of chains that find the start of a stream.
type (
	// deployments finds the first block in which one of the contracts exists.
	deployments interface {
		Deployment(ctx context.Context, addresses []string) (int64, error)
	}
	// sinces finds the place before a handle's first event at or after a ledger version.
	sinces interface {
		Since(ctx context.Context, source markets.Source, version int64) (markets.Place, error)
	}
)

// marketOn returns a market with the starts of its streams on a chain.
func marketOn(m config.Market, chain chains.Chain) actors.Market {
	sources := map[string]markets.Source{}
	for _, s := range m.Streams {
		sources[s.Name] = s.Source
	}
	deployed := &deployment{chain: chain, addresses: m.Contracts()}
	return actors.Market{
		Market: m.Market,
		Start: func(stream string) markets.Place {
			at, _ := m.Start(stream)
			return at
		},
		Find: func(stream string) func(context.Context) (markets.Place, error) {
			start, source := m.Starts[stream], sources[stream]
			switch start.Kind {
			case config.AtDeployment:
				return deployed.find
			case config.AtLatest:
				return func(ctx context.Context) (markets.Place, error) { return latest(ctx, chain, source) }
			case config.AtVersion:
				return func(ctx context.Context) (markets.Place, error) { return since(ctx, chain, source, start.N) }
			}
			return nil
		},
	}
}

// deployment finds the deployment of a market, once for all of its streams.
type deployment struct {
	chain     chains.Chain
	addresses []string
	mu        sync.Mutex
	first     int64
	known     bool
}

func (d *deployment) find(ctx context.Context) (markets.Place, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.known {
		of, ok := d.chain.(deployments)
		if !ok {
			return markets.Place{}, fmt.Errorf("start: deployment is not supported on this chain: give a number")
		}
		first, err := of.Deployment(ctx, d.addresses)
		if err != nil {
			return markets.Place{}, fmt.Errorf("start: deployment: %w", err)
		}
		d.first, d.known = first, true
	}
	return markets.Place{Seq: d.first - 1}, nil
}

// latest returns the place before the newest block or version. It is never the zero Place.
func latest(ctx context.Context, chain chains.Chain, source markets.Source) (markets.Place, error) {
	view, err := chain.Advance(ctx, nil)
	if err != nil {
		return markets.Place{}, fmt.Errorf("start: latest: %w", err)
	}
	head := view.Head.Height()
	switch {
	case source.Handle != "":
		return since(ctx, chain, source, head)
	case head <= 1: // read everything
		return markets.Place{Seq: -1}, nil
	}
	return markets.Place{Seq: head - 1}, nil
}

func since(ctx context.Context, chain chains.Chain, source markets.Source, version int64) (markets.Place, error) {
	of, ok := chain.(sinces)
	if !ok {
		return markets.Place{}, fmt.Errorf("start: version %d is not supported on this chain's handles: give an event's number", version)
	}
	at, err := of.Since(ctx, source, version)
	if err != nil {
		return markets.Place{}, fmt.Errorf("start: version %d: %w", version, err)
	}
	return at, nil
}
