package monitor

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/persistence"
)

// Node is what a process says of itself as a member of a cluster. Its methods may be
// called from many goroutines at the same time, and return immediately. Those that are never
// called leave nothing that could be taken for news.
type Node struct {
	metrics *Metrics

	members                                        *prometheus.GaugeVec // by state
	heartbeat                                      age
	takeOvers, handOvers, declaredDead, rejoinings prometheus.Counter
}

func newNode(m *Metrics) *Node {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	return &Node{
		metrics: m,
		members: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "event_worker_cluster_members",
			Help: "Nodes of the cluster as this one sees them, by state.",
		}, []string{"state"}),
		heartbeat: age{desc: prometheus.NewDesc("event_worker_node_beat_age_seconds",
			"Time since this node last told the cluster that it lives.", nil, nil)},
		takeOvers:    counter("event_worker_node_take_overs_total", "Chains taken from nodes that had died."),
		handOvers:    counter("event_worker_node_hand_overs_total", "Chains handed over to other nodes."),
		declaredDead: counter("event_worker_node_burials_total", "Other nodes that this one declared dead."),
		rejoinings:   counter("event_worker_node_rejoins_total", "Times that this process was declared dead and joined again."),
	}
}

func (n *Node) collectors() []prometheus.Collector {
	return []prometheus.Collector{n.members, &n.heartbeat, n.takeOvers, n.handOvers, n.declaredDead, n.rejoinings}
}

// Node is the process as a member of a cluster.
func (m *Metrics) Node() *Node { return m.node }

// Owned says that the process owns a chain from now on, at an epoch.
func (n *Node) Owned(chain string, epoch int64) { n.metrics.owned(chain, epoch) }

// Released says that it does so no longer, for whatever reason. The chain's streams
// disappear, so that no two nodes tell of them; what still comes of actors that it
// had at that epoch or before changes nothing.
func (n *Node) Released(chain string) { n.metrics.mirror.release(chain) }

// TakenOver says that a chain that is owned now was a dead node's.
func (n *Node) TakenOver() { n.takeOvers.Inc() }

// HandedOver says that a chain was handed over to another node.
func (n *Node) HandedOver() { n.handOvers.Inc() }

// DeclaredDead says that this node has declared another one dead.
func (n *Node) DeclaredDead() { n.declaredDead.Inc() }

// Rejoined says that the process was declared dead and has joined again.
func (n *Node) Rejoined() { n.rejoinings.Inc() }

// Heartbeat says that a heartbeat of this node has reached the cluster.
func (n *Node) Heartbeat() {
	now := time.Now()
	n.heartbeat.last.Store(&now)
}

// Members says how many nodes are in each of persistence's states.
func (n *Node) Members(byState map[string]int) {
	for _, state := range []string{persistence.Up, persistence.Draining, persistence.Leaving, persistence.Left, persistence.Dead} {
		n.members.WithLabelValues(state).Set(float64(byState[state]))
	}
}

// age tells how long ago something was, once it has been.
type age struct {
	desc *prometheus.Desc
	last atomic.Pointer[time.Time]
}

// Describe implements prometheus.Collector.
func (a *age) Describe(to chan<- *prometheus.Desc) { to <- a.desc }

// Collect implements prometheus.Collector.
func (a *age) Collect(to chan<- prometheus.Metric) {
	if last := a.last.Load(); last != nil {
		to <- prometheus.MustNewConstMetric(a.desc, prometheus.GaugeValue, time.Since(*last).Seconds())
	}
}
