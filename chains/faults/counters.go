package faults

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// CountersPath is the path of a proxy's counters, as JSON.
const CountersPath = "/_faults"

const maxTallied = 100 // methods; further ones are counted together

// Counters count what a proxy has done so far.
type Counters struct {
	Profile string           `json:"profile"`
	Seed    uint64           `json:"seed"`
	Seconds float64          `json:"seconds"` // since the start
	Calls   map[string]int64 `json:"calls"`   // by method
	Faults  []Count          `json:"faults"`
}

// Count counts how often a fault has occurred.
type Count struct {
	Name string `json:"name"`
	// Met counts the calls, or requests, that the fault applied to, Done those that it
	// affected.
	Met  int64 `json:"met"`
	Done int64 `json:"done"`
}

// tally counts calls by method.
type tally struct {
	mu    *sync.Mutex
	calls map[string]int64
}

func newTally() tally { return tally{new(sync.Mutex), map[string]int64{}} }

func (t *tally) call(c *call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	method := c.method
	if _, known := t.calls[method]; !known && (len(t.calls) >= maxTallied || len(method) > 60) || method == "" {
		method = "other"
	}
	t.calls[method]++
}

// Counters returns the proxy's counters.
func (p *Proxy) Counters() Counters {
	p.tally.mu.Lock()
	calls := maps.Clone(p.tally.calls)
	p.tally.mu.Unlock()
	out := Counters{Profile: p.profile.Name, Seed: p.seed, Seconds: time.Since(p.started).Seconds(), Calls: calls, Faults: []Count{}}
	for _, r := range p.rules {
		out.Faults = append(out.Faults, Count{r.name, r.met.Load(), r.done.Load()})
	}
	return out
}

// String formats the counters as one line.
func (c Counters) String() string {
	var total int64
	for _, n := range c.Calls {
		total += n
	}
	var did []string
	for _, f := range c.Faults {
		if f.Done > 0 {
			did = append(did, fmt.Sprintf("%s %s of %s", f.Name, commas(f.Done), commas(f.Met)))
		}
	}
	if len(did) == 0 {
		did = []string{"no fault happened"}
	}
	var methods []string
	for _, name := range slices.Sorted(maps.Keys(c.Calls)) {
		methods = append(methods, fmt.Sprintf("%q %s", name, commas(c.Calls[name])))
	}
	text := commas(total) + " calls"
	if len(methods) > 0 {
		text += " (" + strings.ReplaceAll(strings.Join(methods, ", "), `"`, "") + ")"
	}
	return text + ": " + strings.Join(did, ", ")
}

func (p *Proxy) serveCounters(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(p.Counters())
}
