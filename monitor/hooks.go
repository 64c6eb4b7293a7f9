package monitor

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/hooks"
)

var (
	hookDeliveries = counter("event_worker_hook_deliveries_total",
		"Deliveries of webhooks that ended: accepted by the receiver, or given up (dead).", "hook", "outcome")
	hookFailures = counter("event_worker_hook_failures_total",
		"Attempts of deliveries of webhooks that failed.", "hook")
	hookLag = gauge("event_worker_hook_lag_seconds",
		"Time for which the next delivery of a webhook has been waiting.", "hook")
)

// delivering is what delivers to webhooks.
type delivering interface {
	Stats() map[string]hooks.Stats
}

// deliveries collects what was delivered to webhooks.
type deliveries struct {
	by atomic.Pointer[delivering]
}

// Hooks exposes what is delivered to webhooks.
func (m *Metrics) Hooks(by delivering) { m.deliveries.by.Store(&by) }

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
