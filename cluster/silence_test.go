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

// looks says whether a node whose beat moves from one value to the next, while the
// looks are so far apart, is taken for dead in the end.
func looks(beats []int64, apart ...time.Duration) bool {
	s := silence{poll: testPoll, ttl: testTTL}
	now := time.Now()
	var dead []persistence.Node
	for i, beat := range beats {
		now = now.Add(apart[min(i, len(apart)-1)])
		n := persistence.Node{ID: "other", State: persistence.Up, Beat: beat}
		dead = s.look(now, []persistence.Node{n}, func(persistence.Node, bool) time.Duration { return testTTL })
	}
	return len(dead) > 0
}

func TestSilence(t *testing.T) {
	same := []int64{5, 5, 5, 5, 5, 5, 5}
	for _, c := range []struct {
		name  string
		beats []int64
		apart []time.Duration
		dead  bool
	}{
		{"a whole ttl without a beat", same, []time.Duration{testPoll}, true},
		{"not quite", same[:6], []time.Duration{testPoll}, false},
		{"one beat in between", []int64{5, 5, 5, 6, 6, 6, 6}, []time.Duration{testPoll}, false},
		{"seen for the first time", []int64{5}, []time.Duration{time.Hour}, false},
		{"this process was paused for a while", same[:3], []time.Duration{testPoll, testPoll, 5 * time.Second}, false},
		{"this process was away for long", same, []time.Duration{testPoll, testPoll, testPoll, testPoll, testPoll, testPoll, time.Hour}, false},
		{"looks that take long", same[:4], []time.Duration{2 * time.Second}, true},
	} {
		if got := looks(c.beats, c.apart...); got != c.dead {
			t.Errorf("%s: dead %v, want %v", c.name, got, c.dead)
		}
	}
}

func TestWhoHasEndedIsNotBuriedAgain(t *testing.T) {
	s := silence{poll: testPoll, ttl: testTTL}
	for i := range 20 {
		nodes := []persistence.Node{{ID: "left", State: persistence.Left}, {ID: "dead", State: persistence.Dead}}
		now := time.Unix(0, 0).Add(time.Duration(i) * testPoll)
		if dead := s.look(now, nodes, func(persistence.Node, bool) time.Duration { return testTTL }); len(dead) > 0 {
			t.Fatalf("%v are to be buried", dead)
		}
	}
}
