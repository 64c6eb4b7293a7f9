package worker

import (
	"context"

	"github.com/imart/event-worker/metadata"
)

// fetchMetadata fetches the metadata of records beside the streams, if that is switched on.
func (w *Worker) fetchMetadata(ctx context.Context) {
	cfg := w.opts.Config.Metadata
	if !cfg.Fetch || w.opts.Once {
		return
	}
	m := &metadata.Worker{Fetcher: metadata.NewFetcher(cfg.Gateway), Store: w.store, Owns: w.node.Owns, Log: w.log}
	for _, c := range w.opts.Config.Chains {
		m.Chains = append(m.Chains, c.Name)
	}
	w.background(ctx, m.Run)
}
