package worker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Memory for the answers to an audit.
const (
	auditMemory      = 4        // it takes one part in auditMemory of the configured memory,
	leastAuditMemory = 16 << 20 // but at least these bytes
)

// auditRegularly compares the log with its chains while the worker runs, if the option
// audit is set.
func (w *Worker) auditRegularly(ctx context.Context) {
	cfg := w.opts.Config
	if cfg.Audit == 0 || w.opts.Once || w.opts.Chains != nil {
		return
	}
	r := &audit.Regular{
		Every: cfg.Audit, Share: audit.RegularShare, Node: cfg.Node, Store: w.store, Owns: w.node.Owns, Log: w.log,
		Audited: func(chain string, last persistence.AuditResult) { w.metrics.Audited(chain, last) },
	}
	var names []string
	for _, c := range cfg.Chains {
		names = append(names, c.Name)
	}
	w.background(ctx, func(ctx context.Context) { r.Run(ctx, names, w.openAudit) })
}

// openAudit opens a chain for one audit. It shares nothing with the streams, which cache
// blocks near their places only, and has one request in flight and little memory.
func (w *Worker) openAudit(name string) (audit.Config, func(), error) {
	cfg := w.opts.Config
	i := slices.IndexFunc(cfg.Chains, func(c config.Chain) bool { return c.Name == name })
	if i < 0 {
		return audit.Config{}, nil, fmt.Errorf("chain %s is not configured", name)
	}
	cfg.Chains = []config.Chain{cfg.Chains[i]}
	cfg.Chains[0].InFlight, cfg.Memory = 1, max(cfg.Memory/auditMemory, leastAuditMemory)
	return AuditOf(cfg, w.opts.Numbers, w.log)
}

// AuditOf opens the only chain of a configuration for an audit. The caller calls closed.
func AuditOf(cfg config.Config, numbers func(config.Chain) (func(markets.Source) []int64, error), log *slog.Logger) (of audit.Config, closed func(), err error) {
	all, err := Chains(cfg, numbers, log)
	if err != nil {
		return audit.Config{}, nil, err
	}
	of = AuditOfChain(all[0])
	of.Hosts = cfg.Chains[0].Host()
	if !cfg.Chains[0].Recorded { // recordings do not answer contract calls
		of.ID = cfg.Chains[0].ID
	}
	return of, all[0].Chain.Close, nil
}

// AuditOfChain configures an audit of a chain that makes no contract calls.
func AuditOfChain(c actors.Chain) audit.Config {
	return audit.Config{Chain: c.Name, Source: c.Chain, Markets: marketsOf(c)}
}
