package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/internal/chaos/history"
	"github.com/imart/event-worker/internal/chaos/linear"
)

// result is what a round has done and found.
type result struct {
	seed           uint64
	again          string // the command that repeats it
	started        time.Time
	faults         map[string]int // by name
	blocks, reorgs int
	commits        int
	takeOvers      int
	reads, events  int // of the API and of the feed, judged by the commits
	growth         []growth
	disk           int64 // bytes at its end
	failures       []string
	evidence       string // a folder
	lasted         time.Duration
	self           weight // of this process, after it
}

// report is the results of all rounds. It is safe for concurrent use.
type report struct {
	mu      sync.Mutex
	series  *series
	out     io.Writer
	started time.Time
	done    []result
	current *result // only its seed and its start are read
	over    bool
}

func newReport(s *series) *report { return &report{series: s, out: os.Stdout, started: time.Now()} }

func (r *report) start(current *result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = current
}

// add adds the result of a round, and prints it in short.
func (r *report) add(of result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of.lasted = time.Since(of.started)
	r.done, r.current = append(r.done, of), nil
	fmt.Fprintln(r.out, time.Now().Format(time.DateTime), of.short())
}

func (r *report) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.done)
}

// failed returns how many rounds have failed.
func (r *report) failed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failedRounds()
}

func (r *report) failedRounds() (n int) {
	for _, one := range r.done {
		if len(one.failures) > 0 {
			n++
		}
	}
	return n
}

// end writes the final report. It reports whether all rounds have passed.
func (r *report) end(path string) (ok bool, err error) {
	r.mu.Lock()
	r.over = true
	text := r.text()
	ok = r.failedRounds() == 0 && r.growthOfSelf() == "" && len(r.done) > 0
	r.mu.Unlock()
	fmt.Fprintf(r.out, "\n%s\nThis report is in %s\n", text, path)
	return ok, replace(path, text)
}

// write writes the report so far.
func (r *report) write(path string) {
	r.mu.Lock()
	text := r.text()
	r.mu.Unlock()
	if err := replace(path, text); err != nil {
		fmt.Fprintln(os.Stderr, "chaos: the report cannot be written:", err)
	}
}

// replace writes a file in one step.
func replace(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (r *report) text() string {
	var b strings.Builder
	state := "still running"
	if r.over {
		state = "ended"
	}
	fmt.Fprintf(&b, "chaos: %s after %v, %d rounds, %d of them failed\n", state, time.Since(r.started).Round(time.Second), len(r.done), r.failedRounds())
	fmt.Fprintf(&b, "started %s; %d nodes, %d chains, a block of a chain every %v\n", r.started.Format(time.DateTime), r.series.nodes, r.series.chains, r.series.pace)
	if r.current != nil {
		fmt.Fprintf(&b, "round %d, seed %d, has been running for %v\n", len(r.done)+1, r.current.seed, time.Since(r.current.started).Round(time.Second))
	}
	r.totals(&b)
	b.WriteString("\nrounds\n")
	for _, one := range r.done {
		fmt.Fprintf(&b, "  %s\n", one.short())
	}
	for _, one := range r.done {
		one.tellFailures(&b)
	}
	r.worstGrowth(&b)
	if text := r.growthOfSelf(); text != "" {
		fmt.Fprintf(&b, "\nFAIL: this process has grown: %s\n", text)
	}
	return b.String()
}

// totals adds what was done in all rounds.
func (r *report) totals(b *strings.Builder) {
	var sum result
	faults := map[string]int{}
	var disk int64
	for _, one := range r.done {
		sum.blocks, sum.reorgs, sum.commits = sum.blocks+one.blocks, sum.reorgs+one.reorgs, sum.commits+one.commits
		sum.takeOvers, sum.reads, sum.events = sum.takeOvers+one.takeOvers, sum.reads+one.reads, sum.events+one.events
		disk = max(disk, one.disk)
		for name, n := range one.faults {
			faults[name] += n
		}
	}
	fmt.Fprintf(b, "%d blocks, %d reorganisations, %d commits, %d take-overs; judged: %d responses of the API, %d events of the feed\n",
		sum.blocks, sum.reorgs, sum.commits, sum.takeOvers, sum.reads, sum.events)
	fmt.Fprintf(b, "most disk space of a round: %d MB\n\nfaults\n", disk>>20)
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		fmt.Fprintf(b, "  %6d  %s\n", faults[name], name)
	}
}

// tell adds what a cluster has gone through.
func (r *result) tell(c *cluster, checker *history.Checker, events []event, reads []linear.Read, fs *followers) {
	r.blocks, r.reorgs = c.world.blocks, c.world.reorgs
	r.commits, r.takeOvers, r.reads = checker.Commits(), len(checker.TakeOvers()), len(reads)
	for _, f := range fs.all {
		r.events += len(f.events)
	}
	r.faults = map[string]int{}
	for _, e := range events {
		for name := range strings.SplitSeq(e.name, " + ") {
			r.faults[name]++
		}
	}
}

func (r result) short() string {
	outcome := "passed"
	if n := len(r.failures); n > 0 {
		outcome = fmt.Sprintf("FAILED %d checks", n)
	}
	n := 0
	for _, times := range r.faults {
		n += times
	}
	return fmt.Sprintf("seed %d %s after %v: %d faults, %d commits, %d take-overs, %d reads, %d events; chaos itself: %v",
		r.seed, outcome, r.lasted.Round(time.Second), n, r.commits, r.takeOvers, r.reads, r.events, r.self)
}

// tellFailures adds the failures of a round, and how to repeat it.
func (r result) tellFailures(b *strings.Builder) {
	if len(r.failures) == 0 {
		return
	}
	fmt.Fprintf(b, "\nseed %d failed; to repeat its faults: %s\n", r.seed, r.again)
	if r.evidence != "" {
		fmt.Fprintf(b, "what happened, and the histories that were judged illegal: %s\n", r.evidence)
	}
	for _, f := range r.failures {
		fmt.Fprintf(b, "  FAIL: %s\n", f)
	}
}

// worstGrowth adds the process that has grown most, by quantity.
func (r *report) worstGrowth(b *strings.Builder) {
	var all []growth
	for _, one := range r.done {
		all = append(all, one.growth...)
	}
	fmt.Fprintf(b, "\ngrowth, the most of %d measured (from the median of a process's first third to that of its last)\n", len(all))
	for _, q := range quantities {
		var worst *growth
		for i, g := range all {
			if g.quantity.name == q.name && (worst == nil || g.last-g.first > worst.last-worst.first) {
				worst = &all[i]
			}
		}
		if worst != nil {
			fmt.Fprintf(b, "  %v\n", worst)
		}
	}
}

// growthOfSelf describes how this process has grown from the end of the second round to
// that of the last; empty if not above the limits.
func (r *report) growthOfSelf() string {
	if len(r.done) < 3 {
		return ""
	}
	first, last := r.done[1], r.done[len(r.done)-1]
	for _, q := range quantities {
		g := growth{process: "chaos", quantity: q, over: last.started.Sub(first.started), first: q.of(first.self), last: q.of(last.self)}
		if q.name != "MB of memory" && g.excessive() { // resident memory is returned late
			return g.String()
		}
	}
	return ""
}

// weighSelf returns the weight of this process, without garbage.
func weighSelf() weight {
	runtime.GC() // interned texts are freed by a second one
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w := weight{heap: int64(m.HeapInuse), goroutines: int64(runtime.NumGoroutine()), memory: residentMemory()}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		w.files = int64(len(files))
	}
	return w
}

// residentMemory reads /proc, and returns 0 without it.
func residentMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kilobytes, _ := strconv.ParseInt(f[1], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
