package cluster

import (
	"time"

	"github.com/imart/event-worker/persistence"
)

// detector is the failure detector: it tells from the counts of heartbeats which nodes
// live and which have died. No clock is compared with another machine's. What counts is
// how long a node's heartbeats have not moved while this process was looking; between two
// looks that is bounded, so that a process that was paused, or cut off from the registry,
// does not take the others for dead. With a poll of 0.5 s and a ttl of 3 s:
//
//	look at     0.0  0.5  1.0  1.5 | paused | 9.5  10.0  10.5  11.0
//	heartbeats  7    8    8    8   |        | 8    8     8     8
//	silent for  0    0    0.5  1.0 |        | 0    0.5   1.0   1.5   as nobody may have been able to
//
// The zero detector has seen nothing; poll and ttl must be set.
type detector struct {
	poll, ttl time.Duration
	name      string // of this process
	looked    time.Time
	heard     map[string]heard // by node
}

type heard struct {
	heartbeats int64
	moved      bool // since the node is known
	silent     time.Duration
}

// look takes in the nodes as they are now. Those that have ended are ignored.
func (d *detector) look(now time.Time, nodes []persistence.Node) {
	away := now.Sub(d.looked)
	between := min(away, 2*d.poll)
	before := d.heard
	d.looked, d.heard = now, map[string]heard{}
	for _, n := range nodes {
		if !n.Living() {
			continue
		}
		h, known := before[n.ID]
		moved := known && h.heartbeats != n.Heartbeats
		switch {
		case !known, moved, away > 2*d.ttl: // the others may have been away as long
			h = heard{heartbeats: n.Heartbeats, moved: h.moved || moved}
		default:
			h.silent += between
		}
		d.heard[n.ID] = h
	}
}

// alive says whether a node was heard lately.
func (d *detector) alive(n persistence.Node) bool {
	h := d.heard[n.ID]
	return h.moved && h.silent < d.ttl/2
}

// dead says whether a node has been silent for the ttl. One of this process's own name
// that was never heard is likely to be its previous incarnation, and has half of that.
func (d *detector) dead(n persistence.Node) bool {
	h, known := d.heard[n.ID]
	ttl := d.ttl
	if n.Name == d.name && !h.moved {
		ttl /= 2
	}
	return known && h.silent >= ttl
}
