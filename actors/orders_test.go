package actors

import (
	"testing"
	"time"

	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

func TestDocumentsAreFoldedInOrderOfHeight(t *testing.T) {
	of := func(stream string, from, to int64) *request {
		kind := markets.BatchTransition
		if to < from {
			kind = markets.RollbackTransition
		}
		return &request{
			Execution: projection.Execution{Transition: markets.Transition{Kind: kind, Stream: stream, From: markets.Place{Seq: from}, To: markets.Place{Seq: to}}},
			Tuning:    Tuning{Abreast: time.Hour},
		}
	}
	o := newOrders(refOfWorld)
	o.queue = []*request{of("buy", 10, 20), of("delist", 4, 8), of("bulk", 7, 9)}
	if i := o.hindmost(); i != 1 {
		t.Errorf("the first is %s", o.queue[i].Stream)
	}
	now, longAgo := time.Now(), time.Now().Add(-2*time.Hour)
	for _, c := range []struct {
		what  string
		other lastSeen
		fold  *request
		waits bool
	}{
		{"another stream moves further behind", lastSeen{5, now}, of("buy", 10, 20), true},
		{"another stream is silent", lastSeen{5, longAgo}, of("buy", 10, 20), false},
		{"another stream is as far", lastSeen{10, now}, of("buy", 10, 20), false},
		{"a rollback waits for nobody", lastSeen{5, now}, of("buy", 10, 7), false},
		{"who follows the head waits for nobody", lastSeen{5, now}, following(of("buy", 10, 20)), false},
		{"nobody waits for himself", lastSeen{5, now}, of("list", 10, 20), false},
	} {
		o.streams = map[string]lastSeen{"list": c.other}
		if got := o.waitFor(c.fold) > 0; got != c.waits {
			t.Errorf("%s: waits %v", c.what, got)
		}
	}
}

func following(f *request) *request {
	f.Report.Status = persistence.Following
	return f
}
