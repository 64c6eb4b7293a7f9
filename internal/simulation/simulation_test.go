package simulation

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/internal/thorough"
)

// The variables of a longer run: how long it lasts, its first seed, and the file to which all
// steps are written.
const (
	lastsVariable = "EVENT_WORKER_TEST_SIMULATION"
	seedVariable  = "EVENT_WORKER_TEST_SEED"
	traceVariable = "EVENT_WORKER_TEST_TRACE"
)

// Whatever happens to a cluster, once it rests its documents are those that the canonical
// chains make.
func TestCluster(t *testing.T) {
	lasts, _ := time.ParseDuration(os.Getenv(lastsVariable))
	first, _ := strconv.ParseUint(os.Getenv(seedVariable), 10, 64)
	seeds := uint64(thorough.Count(1, 3))
	began, simulated, steps := time.Now(), time.Duration(0), 0
	for seed := first; !t.Failed() && (seed < first+seeds || time.Since(began) < lasts); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			trace := simulate(t, seed)
			simulated, steps = simulated+trace.lasted, steps+trace.steps
		})
	}
	if lasts > 0 {
		t.Logf("%v of the cluster, %d steps, in %v", simulated.Round(time.Minute), steps, time.Since(began).Round(time.Second))
	}
}

// simulate runs a world for a while, has it come to rest, and checks it.
func simulate(t *testing.T, seed uint64) (trace *trace) {
	// Goroutines that are ready at the same time run one after the other, in an order that the
	// garbage collector does not change: the scheduler calls it between steps.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	cryptotest.SetGlobalRandom(t, seed)
	dir := folder(t)
	synctest.Test(t, func(t *testing.T) {
		w, err := newWorld(seed, dir)
		if err != nil {
			t.Fatal(err)
		}
		trace = w.trace
		if name := os.Getenv(traceVariable); name != "" {
			file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			trace.all = file
		}
		w.run(20 * time.Minute)
		if err := w.rest(); err != nil {
			t.Error(err)
		}
		for _, d := range w.differences() {
			t.Error(d)
		}
		if err := w.end(); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.Logf("to repeat it: make simulate SEED=%d CORES=1\nits last steps:\n%s", seed, trace)
	}
	return trace
}

// folder is in memory if the system has such a place: the server's disk does not matter.
func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "simulation")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
