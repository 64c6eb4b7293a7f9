//go:build unix

package actors

import (
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence/mongo"
)

// After outages of the server or of the network, during which the chain advances, the node
// continues by itself, and its documents are those of the canonical chain.
func TestOutagesOfMongoDB(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	server := mongotest.Start(t)
	proxy := mongotest.NewProxy(t, server.Address())
	disk, err := mongo.Open(t.Context(), proxy.URI("outages")+"&timeoutMS=1000")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldOn(t, disk, 1, 2)
	w.patience = 60 * time.Second
	w.boot()
	for _, outage := range []struct {
		name       string
		begin, end func()
	}{
		{"killed", server.Kill, server.Restart},
		{"paused", server.Pause, server.Resume},
		{"stepped down", func() { server.StepDown(t.Context(), 1) }, func() {}},
		{"black hole, delivered late", proxy.Hole, proxy.Pass},
		{"black hole, cut", proxy.Hole, proxy.Cut},
		{"refused", proxy.Refuse, proxy.Pass},
	} {
		for _, lasts := range []time.Duration{50 * time.Millisecond, 1500 * time.Millisecond} {
			w.mineFor(50 * time.Millisecond) // so that commits are under way
			outage.begin()
			w.mineFor(lasts)
			outage.end()
			w.outgrow()
			ended := time.Now()
			if err := w.check(); err != nil {
				t.Fatalf("%s for %v: %v", outage.name, lasts, err)
			}
			t.Logf("%s for %v: over after %v", outage.name, lasts, time.Since(ended).Round(time.Millisecond))
		}
	}
}

// mineFor mines, and now and then forks, for a while.
func (w *world) mineFor(d time.Duration) {
	for begun := time.Now(); time.Since(begun) < d; time.Sleep(20 * time.Millisecond) {
		if w.r.IntN(20) == 0 {
			w.chain.fork(1 + w.r.IntN(3))
			w.block()
		}
		w.block()
	}
}
