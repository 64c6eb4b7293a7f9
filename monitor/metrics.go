// Package monitor lets people and machines see how a process is: metrics for
// Prometheus, taken where the process writes to its store and reads its chains, and
// an HTTP server for them and for health checks. It knows no actors.
package monitor

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the metrics of one process. Its labels are names and hosts of the
// configuration and words of this project, so that the configuration bounds how many
// time series there are.
type Metrics struct {
	registry  *prometheus.Registry
	mirror    *mirror
	endpoints *endpoints
	node      *Node

	commits *prometheus.HistogramVec // by chain, market, outcome
	fenced  *prometheus.CounterVec   // by chain
	fetches *prometheus.HistogramVec // by chain, operation, outcome
	fetched *prometheus.CounterVec   // events, by chain
	errors  *prometheus.CounterVec   // by chain, class
}

// New makes the metrics of a process, in a registry of their own.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		mirror:   newMirror(),
		commits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "event_worker_commit_duration_seconds",
			Help:    "Time that a commit to the store took, by what came of it.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"chain", "market", "outcome"}),
		fenced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "event_worker_fenced_commits_total",
			Help: "Commits refused because the actor had another owner or a later incarnation.",
		}, []string{"chain"}),
		fetches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "event_worker_fetch_duration_seconds",
			Help:    "Time that a look at the chain took, with all the requests that it needed.",
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
	m.node = newNode(m)
	m.registry.MustRegister(
		m.mirror, m.endpoints, m.commits, m.fenced, m.fetches, m.fetched, m.errors,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.registry.MustRegister(m.node.collectors()...)
	return m
}

// Registry is where the metrics are registered.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// owned notes that the process owns a chain. What is counted of it begins at 0,
// which an increase needs to be seen.
func (m *Metrics) owned(chain string, epoch int64) {
	m.mirror.owned(chain, epoch)
	m.fenced.WithLabelValues(chain)
}
