package monitor

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/persistence"
)

// figure is a metric whose value is known elsewhere.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) figure {
	return figure{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) figure {
	return figure{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue}
}

func (f figure) of(value int64, labels ...string) prometheus.Metric {
	return f.float(float64(value), labels...)
}

func (f figure) float(value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

var (
	streamLabels = []string{"chain", "market", "stream"}

	streamSeq = gauge("event_worker_stream_seq",
		"Sequence number up to which the stream is executed: a block, or an event's number on Aptos.", streamLabels...)
	streamHead = gauge("event_worker_stream_head",
		"The chain's newest height as the stream knows it: a block, or a ledger version on Aptos.", streamLabels...)
	streamLag = gauge("event_worker_stream_lag",
		"Heights between what the stream has executed and the head.", streamLabels...)
	streamEvents = gauge("event_worker_stream_events",
		"Events in the stream's log. A reorganisation takes some away.", streamLabels...)
	streamDeadLetters = gauge("event_worker_stream_dead_letters",
		"Events of the stream that could not be decoded and wait.", streamLabels...)
	streamBatches = counter("event_worker_stream_batches_total",
		"Commits to the stream's log by this process, those without events too.", streamLabels...)
	streamRestarts = counter("event_worker_stream_restarts_total",
		"Restarts of the stream's actors, by all processes that ever owned them.", streamLabels...)

	chainHead = gauge("event_worker_chain_head",
		"The chain's newest height: a block, or a ledger version on Aptos.", "chain")
	chainFinalized = gauge("event_worker_chain_finalized",
		"The newest height that cannot be reorganised.", "chain")
	chainRestarts = counter("event_worker_chain_restarts_total",
		"Restarts of the chain's actors beside those of its streams, by all processes that ever owned them.", "chain")
	chainFinalityBroken = gauge("event_worker_chain_finality_broken",
		"Actors of the chain that stand because finality is broken and that is not confirmed.", "chain")
	chainRetrying = gauge("event_worker_chain_retrying",
		"Actors of the chain that fail at present or stand.", "chain")
	chainEpoch = gauge("event_worker_chain_epoch",
		"Epoch at which this process owns the chain.", "chain")
	nodeChains = gauge("event_worker_node_chains",
		"Chains that this process owns.")
)

// Describe implements prometheus.Collector.
func (m *mirror) Describe(to chan<- *prometheus.Desc) {
	for _, f := range []figure{
		streamSeq, streamHead, streamLag, streamEvents, streamDeadLetters, streamBatches, streamRestarts,
		chainHead, chainFinalized, chainRestarts, chainFinalityBroken, chainRetrying, chainEpoch, nodeChains,
	} {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (m *mirror) Collect(to chan<- prometheus.Metric) {
	for _, metric := range m.metrics() { // whoever reads slowly holds no commit up
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
	ofStreams, ofChains := map[stream]int64{}, map[string]int64{}
	broken, retrying := map[string]int64{}, map[string]int64{}
	for _, a := range m.actors {
		out = append(out, a.metrics()...)
		broken[a.Chain] += count(a.Status == persistence.FinalityBroken)
		retrying[a.Chain] += count(a.Status == persistence.Retrying)
		if a.Stream == "" {
			ofChains[a.Chain] += a.Restarts
		} else {
			ofStreams[stream{a.Chain, a.Market, a.Stream}] += a.Restarts
		}
	}
	for chain, n := range broken {
		out = append(out, chainFinalityBroken.of(n, chain), chainRetrying.of(retrying[chain], chain))
	}
	for chain, restarts := range ofChains {
		out = append(out, chainRestarts.of(restarts, chain))
	}
	for s, restarts := range ofStreams {
		out = append(out, streamRestarts.of(restarts, s.chain, s.market, s.name))
	}
	return out
}

func count(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// stream names a stream.
type stream struct{ chain, market, name string }

// metrics are those that the actor alone tells.
func (a *actor) metrics() []prometheus.Metric {
	labels := []string{a.Chain, a.Market, a.Stream}
	switch {
	case a.Kind == "head" && a.Head > 0:
		return []prometheus.Metric{chainHead.of(a.Head, a.Chain), chainFinalized.of(a.Finalized, a.Chain)}
	case a.Kind == "subject":
		out := []prometheus.Metric{streamSeq.of(a.Seq, labels...)}
		if a.Head > 0 { // before that, nobody knows
			out = append(out, streamHead.of(a.Head, labels...), streamLag.of(a.Lag, labels...))
		}
		return out
	case a.isLog():
		return []prometheus.Metric{
			streamEvents.of(a.Events, labels...), streamDeadLetters.of(a.DeadLetters, labels...), streamBatches.of(a.commits, labels...),
		}
	}
	return nil
}

// isLog says whether the actor is the observer that keeps its stream's log.
func (a *actor) isLog() bool { return a.Kind == "observer" && !a.Documents }
