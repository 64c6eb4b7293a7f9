package supervision

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Strategy restarts every failed child after its backoff, for ever. (The library's own
// strategies stop an actor silently after some restarts, or have a linear backoff where
// they say exponential.)
type Strategy struct {
	Backoff  Backoff
	Failures *Failures
	log      *slog.Logger
	stopping *stopping
}

// stopping reports whether actors are being stopped: those of one chain, or of the node.
type stopping struct {
	begun atomic.Bool
	node  *stopping // of the chain's node; nil for the node itself
}

func (s *stopping) is() bool { return s.begun.Load() || s.node != nil && s.node.is() }

// New is the strategy of a node.
func New(backoff Backoff, log *slog.Logger) Strategy {
	return Strategy{Backoff: backoff, Failures: newFailures(), log: log, stopping: new(stopping)}
}

// OfChain is the strategy for the actors of one chain, which can be stopped by themselves.
func (s Strategy) OfChain() Strategy {
	s.stopping = &stopping{node: s.stopping}
	return s
}

// Stop notes that the actors are being stopped: those that fail from now on are not
// restarted.
func (s Strategy) Stop() { s.stopping.begun.Store(true) }

// Stopping reports whether the actors are being stopped.
func (s Strategy) Stopping() bool { return s.stopping.is() }

// HandleFailure implements actor.SupervisorStrategy.
func (s Strategy) HandleFailure(system *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	if s.Stopping() {
		return
	}
	failures := max(1, s.Failures.Get(KeyOf(child)).InARow)
	delay := s.Backoff.Delay(failures)
	s.logRestart(KeyOf(child), fmt.Sprint(reason), failures, delay)
	parent := supervisor.(actor.Context)
	r := Restart{supervisor, child, parent.Actor()}
	pid := parent.Self()
	time.AfterFunc(delay, func() { system.Root.Send(pid, r) })
}

// logRestart logs a failure, and apart from its reason the stack of a panic.
func (s Strategy) logRestart(key, reason string, failures int, delay time.Duration) {
	reason, stack, panicked := strings.Cut(reason, "\ngoroutine ")
	args := []any{"actor", key, "reason", firstLine(strings.ReplaceAll(reason, "\n", "; ")), "failures", failures, "in", delay.Round(time.Millisecond)}
	if panicked {
		args = append(args, "stack", "goroutine "+stack)
	}
	s.LogRepeat(failures, "actor failed, restarting", args...)
}

// LogRepeat logs what happens for the nth time in a row: as a warning the first, the
// second, the fourth, the eighth time…, and at debug level the others.
func (s Strategy) LogRepeat(nth int, message string, args ...any) {
	level := slog.LevelDebug
	if nth&(nth-1) == 0 {
		level = slog.LevelWarn
	}
	s.log.Log(context.Background(), level, message, args...)
}

// Restart restarts a child on its parent's own thread, and only if the parent is still
// the incarnation whose child failed and is not stopping itself. Restarted while it is
// being stopped, a child would come back, and its parent would wait for its end for ever.
type Restart struct {
	supervisor actor.Supervisor
	Child      *actor.PID
	Of         actor.Actor
}

// Now restarts the child.
func (r Restart) Now() { r.supervisor.RestartChildren(r.Child) }
