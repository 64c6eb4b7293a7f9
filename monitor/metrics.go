// Package monitor exposes the state of a process: Prometheus metrics, recorded where the
// process writes to its store and reads its chains, and an HTTP server for metrics and
// health checks. It does not depend on the actors.
package monitor

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the metrics of one process. Label values are names and hosts from the
// configuration and constants of this project, so that the configuration bounds the
// number of time series.
type Metrics struct {
	registry  *prometheus.Registry
	mirror    *mirror
	endpoints *endpoints
	asked     *asked
	audits    *audits
	node      *Node

	deliveries deliveries // of webhooks

	commits *prometheus.HistogramVec // by chain, market, outcome
	fenced  *prometheus.CounterVec   // by chain
	fetches *prometheus.HistogramVec // by chain, operation, outcome
	fetched *prometheus.CounterVec   // events, by chain
	errors  *prometheus.CounterVec   // by chain, class
}

// New creates the metrics of a process, in their own registry.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		mirror:   newMirror(),
		commits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "event_worker_commit_duration_seconds",
			Help:    "Duration of a commit to the store, by outcome.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"chain", "market", "outcome"}),
		fenced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "event_worker_fenced_commits_total",
			Help: "Commits refused because the actor had another owner or a later incarnation.",
		}, []string{"chain"}),
		fetches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "event_worker_fetch_duration_seconds",
			Help:    "Duration of an operation on the chain, including all of its requests.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"chain", "operation", "outcome"}),
		fetched: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "event_worker_fetched_events_total",
			Help: "Raw events fetched from the chain.",
		}, []string{"chain"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "event_worker_fetch_errors_total",
			Help: "Fetches that failed, by the class of their error.",
		}, []string{"chain", "class"}),
	}
	m.endpoints = newEndpoints(m.mirror.owns)
	m.asked = newAsked(m.mirror.owns)
	m.audits = newAudits(m.mirror.owns)
	m.node = newNode(m)
	m.registry.MustRegister(
		m.mirror, m.endpoints, m.asked, m.audits, &m.deliveries, m.commits, m.fenced, m.fetches, m.fetched, m.errors,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.registry.MustRegister(m.node.collectors()...)
	return m
}

// Registry returns the registry of the metrics.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// owned records that the process owns a chain. The chain's counters start at 0, so that
// Prometheus sees the first increase.
func (m *Metrics) owned(chain string, epoch int64) {
	m.mirror.owned(chain, epoch)
	m.fenced.WithLabelValues(chain)
}
