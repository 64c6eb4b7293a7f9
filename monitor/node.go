package monitor

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/persistence"
)

// Node records the metrics of a process as a member of a cluster. Its methods are safe
// for concurrent use and return immediately. A metric without calls is not exposed.
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
			"Time since this node's last heartbeat.", nil, nil)},
		takeOvers:    counter("event_worker_node_take_overs_total", "Chains taken over from dead nodes."),
		handOvers:    counter("event_worker_node_hand_overs_total", "Chains handed over to other nodes."),
		declaredDead: counter("event_worker_node_burials_total", "Other nodes that this one declared dead."),
		rejoinings:   counter("event_worker_node_rejoins_total", "Times that this process was declared dead and joined again."),
	}
}

func (n *Node) collectors() []prometheus.Collector {
	return []prometheus.Collector{n.members, &n.heartbeat, n.takeOvers, n.handOvers, n.declaredDead, n.rejoinings}
}

// Node returns the metrics of the process as a member of a cluster.
func (m *Metrics) Node() *Node { return m.node }

// Owned records that the process owns a chain from now on, at an epoch.
func (n *Node) Owned(chain string, epoch int64) { n.metrics.owned(chain, epoch) }

// Released records that the process no longer owns a chain, for whatever reason. The
// chain's series disappear, so that no two nodes expose them; late reports of actors at
// that epoch or before are ignored.
func (n *Node) Released(chain string) { n.metrics.mirror.release(chain) }

// TakenOver records that an owned chain was a dead node's.
func (n *Node) TakenOver() { n.takeOvers.Inc() }

// HandedOver records that a chain was handed over to another node.
func (n *Node) HandedOver() { n.handOvers.Inc() }

// DeclaredDead records that this node declared another node dead.
func (n *Node) DeclaredDead() { n.declaredDead.Inc() }

// Rejoined records that the process was declared dead and joined again.
func (n *Node) Rejoined() { n.rejoinings.Inc() }

// Heartbeat records that a heartbeat of this node has reached the cluster.
func (n *Node) Heartbeat() {
	now := time.Now()
	n.heartbeat.last.Store(&now)
}

// Members records how many nodes are in each of persistence's states.
func (n *Node) Members(byState map[string]int) {
	for _, state := range []string{persistence.Up, persistence.Draining, persistence.Leaving, persistence.Left, persistence.Dead} {
		n.members.WithLabelValues(state).Set(float64(byState[state]))
	}
}

// age is the time since an event, exposed once the event has occurred.
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
