package monitor

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/hooks"
)

var (
	hookDeliveries = counter("event_worker_hook_deliveries_total",
		"Completed deliveries of the webhook: accepted by the receiver, or given up (dead).", "hook", "outcome")
	hookFailures = counter("event_worker_hook_failures_total",
		"Failed attempts of deliveries of the webhook.", "hook")
	hookLag = gauge("event_worker_hook_lag_seconds",
		"Time for which the webhook's next delivery has been waiting.", "hook")
)

// hookStats is implemented by the runner of webhooks.
type hookStats interface {
	Stats() map[string]hooks.Stats
}

// deliveries collects the statistics of webhooks.
type deliveries struct {
	by atomic.Pointer[hookStats]
}

// Hooks exposes the statistics of webhooks.
func (m *Metrics) Hooks(by hookStats) { m.deliveries.by.Store(&by) }

// Describe implements prometheus.Collector.
func (d *deliveries) Describe(to chan<- *prometheus.Desc) {
	for _, m := range []metric{hookDeliveries, hookFailures, hookLag} {
		to <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (d *deliveries) Collect(to chan<- prometheus.Metric) {
	by := d.by.Load()
	if by == nil {
		return
	}
	for name, s := range (*by).Stats() {
		to <- hookDeliveries.of(s.Delivered, name, "accepted")
		to <- hookDeliveries.of(s.Dead, name, "dead")
		to <- hookFailures.of(s.Failed, name)
		if s.Held {
			to <- hookLag.float(s.Lag.Seconds(), name)
		}
	}
}
