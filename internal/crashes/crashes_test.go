package crashes

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/programtest"
	"github.com/imart/event-worker/internal/thorough"
)

var update = flag.Bool("update", false, "write the failpoints that are reached to testdata")

func TestMain(m *testing.M) { os.Exit(mongotest.Main(m)) }

// kinds are the kinds of stores that are there.
func kinds(t *testing.T) []string {
	all := []string{onEmbedded}
	t.Run("MongoDB", func(t *testing.T) {
		mongotest.URI(t)
		all = append(all, onMongoDB)
	})
	return all
}

const (
	// atOnce is how many runs there are at a time: they wait most of the time.
	atOnce = 10
	// mongoDBEvery is how many runs there are for each one on MongoDB, which takes as long
	// as five others.
	mongoDBEvery = 5
)

// The variables of the number of runs, and of the seed of the first.
const (
	runsVariable = "EVENT_WORKER_TEST_FAILPOINTS"
	seedVariable = "EVENT_WORKER_TEST_SEED"
)

// TestKillsAtFailpoints executes a few runs, or as many as runsVariable says.
func TestKillsAtFailpoints(t *testing.T) {
	if os.Getenv(runsVariable) == "" {
		thorough.Only(t)
	}
	runs, first := number(t, runsVariable, 4), number(t, seedVariable, 0)
	program, kinds := programtest.Build(t, "-tags", "failpoints"), kinds(t)
	points := map[string][]kill{}
	for _, kind := range kinds {
		points[kind] = pointsOf(t, kind)
	}
	var next, lives, planned, unreached atomic.Int64
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < runs && !t.Failed(); i = int(next.Add(1)) - 1 {
				seed := uint64(first + i)
				kind := kinds[0]
				if seed%mongoDBEvery == 0 {
					kind = kinds[len(kinds)-1]
				}
				t.Run(fmt.Sprint(kind, "/", seed), func(t *testing.T) {
					p := newPlan(kind, seed, points[kind])
					r := newRun(t, program, p)
					planned.Add(int64(len(p.kills)))
					if err := r.tell(); err != nil {
						t.Errorf("%v\n%s=1 %s=%d repeats it", err, runsVariable, seedVariable, seed)
					}
					for _, w := range r.workers {
						lives.Add(int64(w.lives))
						unreached.Add(int64(len(w.kills)))
					}
				})
			}
		})
	}
	group.Wait()
	t.Logf("%d runs, %d lives, %d kills, of which %d were not reached", runs, lives.Load(), planned.Load(), unreached.Load())
	if runs >= 4 && planned.Load() == unreached.Load() {
		t.Error("no worker was killed")
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	value := os.Getenv(variable)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

func fileOf(kind string) string { return filepath.Join("testdata", kind+".points") }

// pointsOf returns the failpoints of workers on a kind of store.
func pointsOf(t *testing.T, kind string) (points []kill) {
	text, err := os.ReadFile(fileOf(kind))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		k, err := parseKill(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		points = append(points, k)
	}
	return points
}

// TestPoints finds the failpoints that runs without kills reach, and how often each run that
// reaches one does so at least.
func TestPoints(t *testing.T) {
	if !*update {
		t.Skip("only with -update")
	}
	program := programtest.Build(t, "-tags", "failpoints")
	for _, kind := range kinds(t) {
		least := map[string]int{}
		for seed := range uint64(16) {
			t.Run(fmt.Sprint(kind, "/", seed), func(t *testing.T) {
				r := newRun(t, program, plan{kind: kind, seed: seed})
				if err := r.tell(); err != nil {
					t.Error(err)
				}
				for name, n := range r.reached() {
					least[name] = min(n, cmp.Or(least[name], n))
				}
			})
		}
		var all strings.Builder
		for _, name := range slices.Sorted(maps.Keys(least)) {
			fmt.Fprintln(&all, kill{name, least[name]})
		}
		if err := os.WriteFile(fileOf(kind), []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
