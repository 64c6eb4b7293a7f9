package cluster

import (
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

const (
	testPoll = 500 * time.Millisecond
	testTTL  = 3 * time.Second
)

// looks says whether a node whose count of heartbeats goes from one value to the next,
// while the looks are so far apart, is taken for dead in the end.
func looks(counts []int64, apart ...time.Duration) bool {
	d := detector{poll: testPoll, ttl: testTTL}
	now := time.Now()
	var n persistence.Node
	for i, count := range counts {
		now = now.Add(apart[min(i, len(apart)-1)])
		n = persistence.Node{ID: "other", Name: "other", State: persistence.Up, Heartbeats: count}
		d.look(now, []persistence.Node{n})
	}
	return d.dead(n)
}

func TestDetector(t *testing.T) {
	same := []int64{5, 5, 5, 5, 5, 5, 5}
	for _, c := range []struct {
		name   string
		counts []int64
		apart  []time.Duration
		dead   bool
	}{
		{"a whole ttl without a heartbeat", same, []time.Duration{testPoll}, true},
		{"not quite", same[:6], []time.Duration{testPoll}, false},
		{"one heartbeat in between", []int64{5, 5, 5, 6, 6, 6, 6}, []time.Duration{testPoll}, false},
		{"seen for the first time", []int64{5}, []time.Duration{time.Hour}, false},
		{"this process was paused for a while", same[:3], []time.Duration{testPoll, testPoll, 5 * time.Second}, false},
		{"this process was away for long", same, []time.Duration{testPoll, testPoll, testPoll, testPoll, testPoll, testPoll, time.Hour}, false},
		{"looks that take long", same[:4], []time.Duration{2 * time.Second}, true},
	} {
		if got := looks(c.counts, c.apart...); got != c.dead {
			t.Errorf("%s: dead %v, want %v", c.name, got, c.dead)
		}
	}
}

func TestEndedNodesAreNotDeclaredDead(t *testing.T) {
	d := detector{poll: testPoll, ttl: testTTL}
	for i := range 20 {
		nodes := []persistence.Node{{ID: "left", State: persistence.Left}, {ID: "dead", State: persistence.Dead}}
		now := time.Unix(0, 0).Add(time.Duration(i) * testPoll)
		d.look(now, nodes)
		for _, n := range nodes {
			if d.dead(n) || d.alive(n) {
				t.Fatalf("%s is taken for dead or alive", n.ID)
			}
		}
	}
}

// A node is alive when it was heard, and not for long after that.
func TestAlive(t *testing.T) {
	d := detector{poll: testPoll, ttl: testTTL}
	now := time.Now()
	for i, c := range []struct {
		count int64
		alive bool
	}{{5, false}, {5, false}, {6, true}, {7, true}, {7, true}, {7, true}, {7, false}, {8, true}} {
		n := persistence.Node{ID: "other", State: persistence.Up, Heartbeats: c.count}
		d.look(now.Add(time.Duration(i)*testPoll), []persistence.Node{n})
		if d.alive(n) != c.alive {
			t.Errorf("at look %d it is alive: %v", i, d.alive(n))
		}
	}
}
