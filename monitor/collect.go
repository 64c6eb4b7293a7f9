package monitor

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// metric is a metric whose value is read when it is collected.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue}
}

func (f metric) of(value int64, labels ...string) prometheus.Metric {
	return f.float(float64(value), labels...)
}

func (f metric) float(value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

var (
	streamLabels = []string{"chain", "market", "stream"}

	streamSeq = gauge("event_worker_stream_seq",
		"Sequence number up to which the stream is executed: a block, or an event's number on Aptos.", streamLabels...)
	streamHead = gauge("event_worker_stream_head",
		"The chain's newest height as the stream knows it: a block, or a ledger version on Aptos.", streamLabels...)
	streamLag = gauge("event_worker_stream_lag",
		"Heights between the stream's position and the head.", streamLabels...)
	streamEvents = gauge("event_worker_stream_events",
		"Events in the stream's log. A reorganisation removes some.", streamLabels...)
	streamDeadLetters = gauge("event_worker_stream_dead_letters",
		"Dead letters of the stream: events that could not be decoded.", streamLabels...)
	streamBatches = counter("event_worker_stream_batches_total",
		"Commits to the stream's log by this process, including those without events.", streamLabels...)
	streamRestarts = counter("event_worker_stream_restarts_total",
		"Restarts of the stream's actors, by all processes that ever owned them.", streamLabels...)

	chainHead = gauge("event_worker_chain_head",
		"The chain's newest height: a block, or a ledger version on Aptos.", "chain")
	chainFinalized = gauge("event_worker_chain_finalized",
		"The newest height that cannot be reorganised.", "chain")
	chainRestarts = counter("event_worker_chain_restarts_total",
		"Restarts of the chain's actors other than those of its streams, by all processes that ever owned them.", "chain")
	chainFinalityBroken = gauge("event_worker_chain_finality_broken",
		"Actors of the chain that are stopped by an unconfirmed finality violation.", "chain")
	chainRetrying = gauge("event_worker_chain_retrying",
		"Actors of the chain that are failing or stopped by a finality violation.", "chain")
	chainEpoch = gauge("event_worker_chain_epoch",
		"Epoch at which this process owns the chain.", "chain")
	nodeChains = gauge("event_worker_node_chains",
		"Chains that this process owns.")
)

// Describe implements prometheus.Collector.
func (m *mirror) Describe(to chan<- *prometheus.Desc) {
	for _, f := range []metric{
		streamSeq, streamHead, streamLag, streamEvents, streamDeadLetters, streamBatches, streamRestarts,
		chainHead, chainFinalized, chainRestarts, chainFinalityBroken, chainRetrying, chainEpoch, nodeChains,
	} {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (m *mirror) Collect(to chan<- prometheus.Metric) {
	for _, metric := range m.metrics() { // collected first: a slow reader must not delay commits
		to <- metric
	}
}

func (m *mirror) metrics() []prometheus.Metric {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := []prometheus.Metric{nodeChains.of(int64(len(m.epochs)))}
	for chain, epoch := range m.epochs {
		out = append(out, chainEpoch.of(epoch, chain))
	}
	docs := make([]persistence.Actor, 0, len(m.actors))
	for _, a := range m.actors {
		docs = append(docs, *a)
	}
	for _, c := range progress.Of(docs) {
		out = append(out, chainMetrics(c)...)
		for s := range c.Streams() {
			out = append(out, m.streamMetrics(s)...)
		}
	}
	return out
}

// chainMetrics returns the metrics derived from all actors of a chain.
func chainMetrics(c *progress.Chain) []prometheus.Metric {
	out := []prometheus.Metric{
		chainFinalityBroken.of(c.InState(persistence.FinalityBroken), c.Name),
		chainRetrying.of(c.InState(persistence.Retrying), c.Name),
	}
	if c.Head != nil && c.Head.Head > 0 {
		out = append(out, chainHead.of(c.Head.Head, c.Name), chainFinalized.of(c.Head.Finalized, c.Name))
	}
	if len(c.Actors) > 0 {
		var restarts int64
		for _, a := range c.Actors {
			restarts += a.Restarts
		}
		out = append(out, chainRestarts.of(restarts, c.Name))
	}
	return out
}

// streamMetrics returns a stream's metrics. Its place and its lag are those that its subject
// wrote, so that the metrics equal the document.
func (m *mirror) streamMetrics(s *progress.Stream) []prometheus.Metric {
	labels := []string{s.Chain, s.Market, s.Name}
	out := []prometheus.Metric{streamRestarts.of(s.Restarts, labels...)}
	if s.Subject != nil {
		out = append(out, streamSeq.of(s.Subject.Seq, labels...))
		if s.Subject.Head > 0 { // unknown until then
			out = append(out, streamHead.of(s.Subject.Head, labels...), streamLag.of(s.Subject.Lag, labels...))
		}
	}
	if s.Log != nil {
		out = append(out, streamEvents.of(s.Log.Events, labels...), streamDeadLetters.of(s.Log.DeadLetters, labels...),
			streamBatches.of(m.commits[s.Log.ID], labels...))
	}
	return out
}
