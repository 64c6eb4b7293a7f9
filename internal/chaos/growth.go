package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// weighEvery is the interval between two samples of a process.
	weighEvery = 5 * time.Second
	// warmUp is how long a process fills its caches before its growth is measured.
	warmUp = time.Minute
	// measurable is the shortest time over which growth is measured.
	measurable = 3 * time.Minute
)

// quantity is one of the quantities that must not grow. Over a process's life, without its
// warm-up, the median of the last third may be above that of the first third by a factor of
// tolerance and by slack: memory varies with the collector, the rest with the faults.
type quantity struct {
	name  string
	unit  int64 // in which it is printed
	of    func(w weight) int64
	slack int64
}

const tolerance = 1.25

var quantities = []quantity{
	{"MB of memory", 1 << 20, func(w weight) int64 { return w.memory }, 48 << 20},
	{"MB of heap", 1 << 20, func(w weight) int64 { return w.heap }, 32 << 20},
	{"goroutines", 1, func(w weight) int64 { return w.goroutines }, 60},
	{"open files", 1, func(w weight) int64 { return w.files }, 40},
}

// sample is a weight at a time of a process's life.
type sample struct {
	age time.Duration
	weight
}

// scales are the samples of all processes, by name.
type scales struct {
	mu      sync.Mutex
	samples map[string][]sample
}

// weighAll samples the nodes' processes until the context ends. A node that is frozen or
// ends meanwhile is not sampled.
func (c *cluster) weighAll(ctx context.Context) *scales {
	s := &scales{samples: map[string][]sample{}}
	for _, n := range append(slices.Clone(c.nodes), c.spare) {
		go func() {
			for pause(ctx, weighEvery) {
				p := n.running()
				if p == nil {
					continue
				}
				name, age := fmt.Sprintf("%s, process %d", n.name, p.Process.Pid), time.Since(n.born())
				if w, err := n.weigh(ctx); err == nil && n.running() == p {
					s.add(name, sample{age, w})
				}
			}
		}()
	}
	return s
}

func (s *scales) add(process string, taken sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples[process] = append(s.samples[process], taken)
}

// growths returns the growth of every process that has lived for long enough.
func (s *scales) growths() []growth {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []growth
	for _, process := range slices.Sorted(maps.Keys(s.samples)) {
		samples := slices.DeleteFunc(slices.Clone(s.samples[process]), func(s sample) bool { return s.age < warmUp })
		if len(samples) == 0 || samples[len(samples)-1].age-samples[0].age < measurable {
			continue
		}
		for _, q := range quantities {
			all = append(all, growthOf(process, q, samples))
		}
	}
	return all
}

// growth is how a quantity of a process has grown.
type growth struct {
	process     string
	quantity    quantity
	over        time.Duration
	first, last int64   // medians of the first and the last third
	slope       float64 // an hour, of the line through all samples
}

func growthOf(process string, q quantity, samples []sample) growth {
	third := max(1, len(samples)/3)
	return growth{
		process: process, quantity: q, over: samples[len(samples)-1].age - samples[0].age,
		first: median(q, samples[:third]), last: median(q, samples[len(samples)-third:]), slope: slope(q, samples),
	}
}

func median(q quantity, samples []sample) int64 {
	var values []int64
	for _, s := range samples {
		values = append(values, q.of(s.weight))
	}
	slices.SortFunc(values, cmp.Compare[int64])
	return values[len(values)/2]
}

// slope is that of the line with the least squares.
func slope(q quantity, samples []sample) float64 {
	var x, y, xx, xy float64
	n := float64(len(samples))
	for _, s := range samples {
		age, value := s.age.Hours(), float64(q.of(s.weight))
		x, y, xx, xy = x+age, y+value, xx+age*age, xy+age*value
	}
	if n*xx == x*x {
		return 0
	}
	return (n*xy - x*y) / (n*xx - x*x)
}

// excessive reports whether the growth is above the limit.
func (g growth) excessive() bool {
	return float64(g.last) > tolerance*float64(g.first)+float64(g.quantity.slack)
}

func (g growth) String() string {
	u := g.quantity.unit
	return fmt.Sprintf("%s: from %d to %d %s over %v, %+.1f an hour", g.process, g.first/u, g.last/u, g.quantity.name,
		g.over.Round(time.Second), g.slope/float64(u))
}

// judgeGrowth fails the run if a process has grown.
func (c *cluster) judgeGrowth(s *scales) []growth {
	c.t.Helper()
	all := s.growths()
	var texts []string
	for _, g := range all {
		texts = append(texts, g.String())
		if g.excessive() {
			c.t.Errorf("growth: %v", g)
		}
	}
	if len(texts) > 0 {
		c.diary.note("growth:\n%s", strings.Join(texts, "\n"))
	}
	return all
}
