package worker

import (
	"context"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/hooks"
)

// deliverHooks delivers to the configured webhooks while the worker runs.
func (w *Worker) deliverHooks(ctx context.Context) {
	all := w.opts.Config.Hooks
	store, ok := w.store.(hooks.Store)
	if !ok || len(all) == 0 || w.opts.Once {
		return
	}
	for _, h := range all {
		if config.Unencrypted(h.URL) {
			w.log.Warn("webhook is not encrypted: use https unless the network is trusted", "hook", h.Name, "host", h.Host())
		}
	}
	runner := hooks.New(hooks.Options{Hooks: all, Store: store, Node: w.opts.Config.Node, Log: w.log})
	if w.metrics != nil {
		w.metrics.Hooks(runner)
	}
	w.background(ctx, runner.Run)
}
