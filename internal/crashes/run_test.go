package crashes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/internal/devnet"
)

// run is a story that is told while workers are killed.
type run struct {
	t       *testing.T
	plan    plan
	network network
	data    data
	store   store // nil until a worker has created it
	workers []*worker
	story   []act
	begun   bool     // the story, and with it the chain's events
	asked   []string // the IDs of requests
	drained string   // the ID of a node
	steps   []string // what has happened
}

// plan is what a seed determines.
type plan struct {
	kind  string // of store
	seed  uint64
	kills []kill // one or two; none in a run without kills
	// apart says that the second kill befalls the other worker, if there is one.
	apart bool
	// away says that a killed worker stays away until the other one has caught up.
	away bool
	// replaced is how many blocks are reorganised as soon as a worker is killed; 0: none.
	replaced int
}

// newPlan draws a run. The points say how often each is reached.
func newPlan(kind string, seed uint64, points []kill) plan {
	r := rand.New(rand.NewPCG(seed, 1))
	p := plan{kind: kind, seed: seed, apart: r.IntN(2) == 0, away: r.IntN(2) == 0}
	if r.IntN(2) == 0 {
		p.replaced = 1 + r.IntN(finality-1)
	}
	for range 1 + r.IntN(2) {
		p.kills = append(p.kills, draw(r, points))
	}
	return p
}

// draw draws a kill, half of the time at a commit: first its step, and then one of the actors
// that make the step. So the steps of the store are as likely as the messages between many
// actors.
func draw(r *rand.Rand, points []kill) kill {
	actors, commits := map[string][]kill{}, r.IntN(2) == 0
	for _, k := range points {
		step := k.point[strings.LastIndex(k.point, ": ")+1:]
		if !commits || strings.Contains(strings.ToLower(step), "commit") {
			actors[step] = append(actors[step], k)
		}
	}
	steps := slices.Sorted(maps.Keys(actors))
	of := actors[steps[r.IntN(len(steps))]]
	k := of[r.IntN(len(of))]
	k.nth = 1 + r.IntN(k.nth)
	return k
}

func newRun(t *testing.T, program string, p plan) *run {
	random := rand.New(rand.NewPCG(p.seed, 0))
	r := &run{t: t, plan: p, network: newNetwork(t, p.seed), data: newData(t, p.kind, random.IntN(8) == 0)}
	var streams []string
	for _, s := range r.network.model.Market.Streams {
		streams = append(streams, s.Name)
	}
	r.story = newStory(random, streams)
	names := []string{"a"}
	if p.kind == onMongoDB {
		names = []string{"a", "b"}
	}
	for _, name := range names {
		r.workers = append(r.workers, newWorker(t, program, name, r.network, r.data))
	}
	for i, k := range p.kills {
		w := r.workers[0]
		if p.apart {
			w = r.workers[i%len(r.workers)]
		}
		w.kills = append(w.kills, k)
	}
	t.Cleanup(r.end)
	return r
}

func (r *run) end() {
	if r.store != nil {
		_ = r.store.Close()
	}
	if !r.t.Failed() {
		return
	}
	r.t.Logf("%s", strings.Join(r.steps, "\n"))
	for _, w := range r.workers {
		log, _ := os.ReadFile(w.log())
		trace, _ := os.ReadFile(w.trace())
		r.t.Logf("worker %s said:\n%s\nand reached last:\n%s", w.name, tail(log), tail(trace))
	}
}

// tail returns the end of a text.
func tail(text []byte) string {
	lines := strings.SplitAfter(string(text), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "")
}

func (r *run) note(format string, args ...any) {
	r.steps = append(r.steps, fmt.Sprintf(format, args...))
}

// patience bounds a run: it takes seconds, and minutes on a machine that does much else.
const patience = 10 * time.Minute

// The pauses between two looks at what is amiss; they are longer the longer it has been the same.
const leastPause, mostPause = 25 * time.Millisecond, 400 * time.Millisecond

// tell tells the story, restarts workers that are killed, and compares the documents in the
// end.
func (r *run) tell() error {
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	if err := r.workers[0].start(); err != nil {
		return err
	}
	last, polls := "", 0 // of what was amiss
	for {
		amiss, err := r.amiss(ctx)
		if polls++; amiss != last {
			polls = 0
		}
		last = cmp.Or(amiss, last)
		restarted := false
		if err == nil {
			restarted, err = r.restart(amiss == "")
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("after %v: %s", patience, last)
		case err != nil:
			return err
		case restarted: // while the chain may have been reorganised
		case r.store == nil || amiss != "" && !(len(r.story) > 0 && r.story[0].soon):
			time.Sleep(backoff.Delay(polls, leastPause, mostPause))
		case len(r.story) > 0:
			next := r.story[0]
			r.story, r.begun = r.story[1:], true
			r.note("%s", next.name)
			if err := next.do(r); err != nil {
				return fmt.Errorf("%s: %w", next.name, err)
			}
		default:
			stopped, err := r.stop()
			if err != nil {
				return err
			}
			if stopped {
				return r.compare(ctx)
			}
		}
	}
}

// restart starts the workers that were killed, and the others once there are data. It
// reports whether it has started any.
func (r *run) restart(settled bool) (restarted bool, err error) {
	for _, w := range r.workers {
		switch {
		case w.up(), w.process == nil && r.store == nil:
			continue
		case w.process != nil && !w.ended:
			at, err := w.killed()
			if err != nil {
				return restarted, err
			}
			r.note("worker %s, life %d: killed at %v", w.name, w.lives, at)
			w.ended = true
			if err := r.reorganise(); err != nil {
				return restarted, err
			}
		}
		if r.plan.away && !settled && r.anyUp() {
			continue
		}
		if err := w.start(); err != nil {
			return restarted, err
		}
		restarted = true
	}
	return restarted, nil
}

// reorganise replaces the blocks that are to be replaced when a worker has been killed.
func (r *run) reorganise() error {
	if r.plan.replaced == 0 || !r.begun {
		return nil
	}
	a := reorganisation(r.plan.replaced, r.plan.seed)
	r.note("%s", a.name)
	return a.do(r)
}

func (r *run) anyUp() bool { return slices.ContainsFunc(r.workers, (*worker).up) }

// stop stops all workers; false if one of them was killed meanwhile.
func (r *run) stop() (stopped bool, err error) {
	for _, w := range r.workers {
		if w.up() {
			err = errors.Join(err, w.stop())
		}
	}
	return err == nil && !slices.ContainsFunc(r.workers, func(w *worker) bool { return !w.ended }), err
}

// reached returns how often the first worker has reached each failpoint.
func (r *run) reached() map[string]int {
	trace, err := os.ReadFile(r.workers[0].trace())
	if err != nil {
		r.t.Fatal(err)
	}
	counts := map[string]int{}
	for name := range strings.Lines(string(trace)) {
		counts[strings.TrimSpace(name)]++
	}
	return counts
}

// compare compares the documents with the model's.
func (r *run) compare(ctx context.Context) error {
	got, err := devnet.Read(ctx, r.store)
	if err != nil {
		return err
	}
	want, err := r.expected()
	if err != nil {
		return err
	}
	if d := devnet.Differences(got, want); len(d) > 0 {
		return fmt.Errorf("the documents differ from the model's:\n%s", strings.Join(d, "\n"))
	}
	return nil
}

// expected are the model's documents.
func (r *run) expected() (devnet.Contents, error) {
	documents := devnet.Contents{}
	return documents, r.network.model.Documents(documents)
}
