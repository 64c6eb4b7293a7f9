package cluster

import (
	"time"

	"github.com/imart/event-worker/persistence"
)

// silence finds nodes that have stopped beating. No clock is compared with another
// machine's: what counts is how long a beat has not moved while this process was
// looking. Between two looks that count is bounded, so that a process that was
// paused, or cut off from the store, does not take the others for dead.
type silence struct {
	poll, ttl time.Duration
	looked    time.Time
	heard     map[string]heard // by node
}

type heard struct {
	beat   int64
	beaten bool // since it is known
	silent time.Duration
}

// look returns the nodes that have been silent for longer than they may. Nodes that
// ended are not among them.
func (s *silence) look(now time.Time, nodes []persistence.Node, may func(n persistence.Node, heard bool) time.Duration) (dead []persistence.Node) {
	away := now.Sub(s.looked)
	between := min(away, 2*s.poll)
	before := s.heard
	s.looked, s.heard = now, map[string]heard{}
	for _, n := range nodes {
		if !n.Living() {
			continue
		}
		h, known := before[n.ID]
		switch {
		case !known, h.beat != n.Beat, away > 2*s.ttl: // the others may have been away as long
			h = heard{beat: n.Beat, beaten: h.beaten || known && h.beat != n.Beat}
		default:
			h.silent += between
		}
		s.heard[n.ID] = h
		if h.silent >= may(n, h.beaten) {
			dead = append(dead, n)
		}
	}
	return dead
}
