package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/demo"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/worker"
)

// auditSource is the source of events that a chain's log is compared with. It must be
// closed.
type auditSource struct {
	audit.Config
	heights string // the unit of the chain's heights: "blocks" or "versions"
	close   func()
}

// source opens the source that the flags select: the demo's recording, the configured
// endpoints, or the one of --endpoint.
func (f *verifyFlags) source(ctx context.Context, docs persistence.Querier) (auditSource, error) {
	o, err := ownersOf(ctx, docs)
	if err != nil {
		return auditSource{}, err
	}
	node, err := o.of(f.scope.Chain)
	if err != nil {
		return auditSource{}, err
	}
	if node == config.DemoNode && f.endpoint == "" {
		chain, closed, ok, err := demo.Recorded(ctx, f.assets.recordings(), f.scope.Chain, f.log)
		if err != nil || !ok {
			return auditSource{}, cmp.Or(err, fmt.Errorf("the demo has no chain %q", f.scope.Chain))
		}
		of := worker.AuditOfChain(chain)
		of.Hosts = "the demo's recording" // shown as "read from …"
		return auditSource{of, heightsOf(of), closed}, nil
	}
	cfg, err := f.configuration()
	if err != nil {
		return auditSource{}, err
	}
	i := slices.IndexFunc(cfg.Chains, func(c config.Chain) bool { return c.Name == f.scope.Chain })
	if i < 0 {
		return auditSource{}, fmt.Errorf("%s has no chain %q, or no endpoint for it: name another configuration with --config FILE", cfg.File, f.scope.Chain)
	}
	c := cfg.Chains[i]
	if f.endpoint != "" {
		if c, err = c.At(f.endpoint); err != nil {
			return auditSource{}, fmt.Errorf("--endpoint: %w", err)
		}
	}
	cfg.Chains = []config.Chain{c}
	of, closed, err := worker.AuditOf(cfg, f.assets.recordings().Numbers, f.log)
	return auditSource{of, heightsOf(of), closed}, err
}

// heightsOf returns the unit of a chain's heights.
func heightsOf(of audit.Config) string {
	if len(of.Markets) > 0 && of.Markets[0].Kind == markets.Aptos {
		return "versions"
	}
	return "blocks"
}

// configuration reads the configuration with the chain's endpoints and markets.
func (f *verifyFlags) configuration() (config.Config, error) {
	file := cmp.Or(f.config, defaultConfig)
	if f.config == "" && !cli.Exists(file) {
		return config.Config{}, errors.New("no configuration with the chain's endpoints and markets: name one with --config FILE")
	}
	return config.Load(file, os.Environ())
}

// checkScope refuses an unknown market or stream.
func checkScope(cfg audit.Config) error {
	if cfg.Market == "" {
		return nil
	}
	var names []string
	for _, m := range cfg.Markets {
		names = append(names, m.Name)
		if m.Name != cfg.Market {
			continue
		}
		streams := []string{markets.StateStream}
		for _, s := range m.Streams {
			streams = append(streams, s.Name)
		}
		if cfg.Stream == "" || slices.Contains(streams, cfg.Stream) {
			return nil
		}
		return fmt.Errorf("%s/%s has no stream %q%s: it has %s", cfg.Chain, m.Name, cfg.Stream, spelling.DidYouMean(cfg.Stream, streams), strings.Join(streams, ", "))
	}
	return fmt.Errorf("%s has no market %q%s: it has %s", cfg.Chain, cfg.Market, spelling.DidYouMean(cfg.Market, names), strings.Join(names, ", "))
}
