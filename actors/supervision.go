package actors

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/internal/backoff"
)

// Backoff says how long a failed actor waits for its restart: Min after the
// first failure in a row, twice as long after each further one, at most Max, and
// up to half as long again at random, so that those who failed together do not
// come back together. There is no last restart.
type Backoff struct {
	Min, Max time.Duration
}

// DefaultBackoff is the backoff of a production node.
var DefaultBackoff = Backoff{Min: 200 * time.Millisecond, Max: 30 * time.Second}

// delay is the wait after n failures in a row, n >= 1.
func (b Backoff) delay(n int) time.Duration {
	return backoff.Jittered(n, b.Min, b.Max)
}

// failures remembers how actors failed across their restarts, by the key of
// their documents.
type failures struct {
	mu    sync.Mutex
	byKey map[string]failure
}

type failure struct {
	inARow  int
	at      time.Time
	pending int64 // restarts that are not counted on the actor's document yet
	reason  string
}

func newFailures() *failures { return &failures{byKey: map[string]failure{}} }

// add notes a failure. An actor that has got on since its last one, or has been well
// for quiet, starts counting anew.
func (f *failures) add(key, reason string, quiet time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.byKey[key]
	if time.Since(last.at) > quiet {
		last.inARow = 0
	}
	f.byKey[key] = failure{last.inARow + 1, time.Now(), last.pending + 1, reason}
}

// ended ends an actor's row of failures: it has got on.
func (f *failures) ended(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last, failed := f.byKey[key]; failed {
		last.inARow = 0
		f.byKey[key] = last
	}
}

func (f *failures) get(key string) failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byKey[key]
}

// counted takes off what a claim has put on the actor's document.
func (f *failures) counted(key string, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.byKey[key]
	last.pending -= n
	f.byKey[key] = last
}

// supervision restarts every failed child after its backoff, for ever. (The
// library's own strategies stop an actor silently after some restarts, or wait
// by a line where they say exponential.)
type supervision struct {
	backoff  Backoff
	failures *failures
	log      *slog.Logger
	stopping *stopping // whoever fails now is not missed
}

// stopping says that actors are being stopped: those of one chain, or the whole node.
type stopping struct {
	begun atomic.Bool
	node  *stopping // of which the chain is
}

func (s *stopping) is() bool { return s.begun.Load() || s.node != nil && s.node.is() }

// ofChain is the supervision of one chain's actors.
func (s supervision) ofChain() supervision {
	s.stopping = &stopping{node: s.stopping}
	return s
}

// HandleFailure implements actor.SupervisorStrategy.
func (s supervision) HandleFailure(system *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	if s.stopping.is() {
		return
	}
	failures := max(1, s.failures.get(keyOf(child)).inARow)
	delay := s.backoff.delay(failures)
	s.logRestart(keyOf(child), fmt.Sprint(reason), failures, delay)
	parent := supervisor.(actor.Context)
	r := restart{supervisor, child, parent.Actor()}
	pid := parent.Self()
	time.AfterFunc(delay, func() { system.Root.Send(pid, r) })
}

// logRestart logs a failure. What a panic leaves is apart from its reason.
func (s supervision) logRestart(key, reason string, failures int, delay time.Duration) {
	reason, stack, panicked := strings.Cut(reason, "\ngoroutine ")
	args := []any{"actor", key, "reason", firstLine(strings.ReplaceAll(reason, "\n", "; ")), "failures", failures, "in", delay.Round(time.Millisecond)}
	if panicked {
		args = append(args, "stack", "goroutine "+stack)
	}
	s.logRepeat(failures, "actor failed, restarting", args...)
}

// logRepeat logs what happens for the nth time in a row: the first, the second, the
// fourth, the eighth time… so that all may be read, and the others for who looks for
// them.
func (s supervision) logRepeat(nth int, message string, args ...any) {
	level := slog.LevelDebug
	if nth&(nth-1) == 0 {
		level = slog.LevelWarn
	}
	s.log.Log(context.Background(), level, message, args...)
}

// restart restarts a child on its parent's own thread, and only if the parent is
// still the one whose child failed and is not ending itself. A restart that meets
// a child that is being stopped would bring it back, and its parent would wait for
// its end for ever.
type restart struct {
	supervisor actor.Supervisor
	child      *actor.PID
	of         actor.Actor
}

func (r restart) now() { r.supervisor.RestartChildren(r.child) }
