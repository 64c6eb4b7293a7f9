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

// What the answers to an audit may take of the memory: a part of it, and so many bytes at least.
const (
	auditMemory      = 4
	leastAuditMemory = 16 << 20
)

// auditRegularly compares the log with its chains beside the streams, if that is switched on.
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

// openAudit opens a chain for one audit: by itself, as what the streams have read near their
// places is of no use, with few requests at once and little memory.
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

// AuditOf opens the only chain of a configuration for an audit, until closed is called.
func AuditOf(cfg config.Config, numbers func(config.Chain) (func(markets.Source) []int64, error), log *slog.Logger) (of audit.Config, closed func(), err error) {
	all, err := Chains(cfg, numbers, log)
	if err != nil {
		return audit.Config{}, nil, err
	}
	of = AuditOfChain(all[0])
	of.Hosts = cfg.Chains[0].Host()
	if !cfg.Chains[0].Recorded { // recordings do not answer calls
		of.ID = cfg.Chains[0].ID
	}
	return of, all[0].Chain.Close, nil
}

// AuditOfChain is an audit of a chain whose contracts are not asked.
func AuditOfChain(c actors.Chain) audit.Config {
	of := audit.Config{Chain: c.Name, Source: c.Chain}
	for _, m := range c.Markets {
		of.Markets = append(of.Markets, m.Market)
	}
	return of
}
