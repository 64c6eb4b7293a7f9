package simulation

import (
	"math/rand/v2"
	"testing"

	"github.com/imart/event-worker/persistence/storetest"
)

// The registry that is simulated is one.
func TestRegistry(t *testing.T) {
	s, err := openServer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.store.Close()
	w := &world{scheduler: newScheduler(rand.New(rand.NewPCG(0, 0))), server: s}
	w.scheduler.open = true // nothing waits for its turn
	storetest.RunRegistry(t, &line{of: &process{world: w}})
}
