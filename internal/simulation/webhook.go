package simulation

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/imart/event-worker/hooks"
	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/persistence"
)

var _ hooks.Store = (*line)(nil)

// webhook is delivered by one of the workers to the world's receiver. No delivery is given up.
var webhook = hooks.Hook{
	Name: "copy", URL: "http://receiver", Secret: []byte("a secret of a test"), Collections: devnet.Collections, GiveUp: 1000 * time.Hour,
}

// hookTiming is that of production, at the pace of the cluster.
var hookTiming = hooks.Timing{
	Lease: clusterTTL, Renew: clusterPoll, Claim: clusterPoll,
	Settle: hooks.DefaultTiming.Settle, Idle: hooks.DefaultTiming.Idle,
	Least: hooks.DefaultTiming.Least, Most: time.Minute,
	Send: hooks.DefaultTiming.Send, Grace: hooks.DefaultTiming.Grace, Write: hooks.DefaultTiming.Write,
}

// deliverer delivers the webhook while the process holds its lease.
func (p *process) deliverer() *hooks.Runner {
	return hooks.New(hooks.Options{
		Hooks: []hooks.Hook{webhook}, Store: (&line{of: p}).by("webhook: "), Node: p.worker, Log: p.log(), Timing: hookTiming,
		Transport: &transport{p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.world.receiver.ServeHTTP(w, r) })},
	})
}

// registerWebhook starts the webhook before there are events, so that it is sent all of them.
func (s *server) registerWebhook(ctx context.Context) error {
	newest, err := s.store.Newest(ctx)
	if err != nil {
		return err
	}
	hook, _, err := s.store.ClaimHook(ctx, persistence.HookClaim{Name: webhook.Name, Node: "world", Start: newest, Lease: time.Second})
	if err != nil {
		return err
	}
	return s.store.ReleaseHook(ctx, hook.Ref())
}

// undelivered says how the receiver's documents differ from those of the canonical chains.
func (w *world) undelivered() string {
	differences, err := w.receiver.Differences(w.expected())
	w.fail(err)
	return strings.Join(differences, "\n")
}

// Newest implements persistence.Feed.
func (l *line) Newest(ctx context.Context) (string, error) {
	return call(ctx, l, "newest change", func(s *server) (string, error) { return s.store.Newest(ctx) })
}

// Reached implements persistence.Feed.
func (l *line) Reached(position, other string) bool {
	return l.of.world.server.store.Reached(position, other)
}

// feedPoll is how often a worker asks for changes.
const feedPoll = time.Second

// Changes implements persistence.Feed.
func (l *line) Changes(ctx context.Context, after string, collections []string) iter.Seq2[persistence.Change, error] {
	return func(yield func(persistence.Change, error) bool) {
		for {
			changes, err := call(ctx, l, "changes after "+after, func(s *server) ([]persistence.Change, error) {
				return s.changes(ctx, after, collections)
			})
			for _, c := range changes {
				if after = c.Position; !yield(c, nil) {
					return
				}
			}
			if err == nil {
				err = backoff.Sleep(ctx, feedPoll)
			}
			if err != nil {
				yield(persistence.Change{}, err)
				return
			}
		}
	}
}

// changes returns the next changes after a position, without waiting for new ones.
func (s *server) changes(ctx context.Context, after string, collections []string) (found []persistence.Change, err error) {
	reading, enough := context.WithCancel(ctx)
	defer enough()
	for c, err := range s.store.Changes(reading, after, collections) {
		switch {
		case err == nil:
			found = append(found, c)
			enough() // the store yields the rest of what it has read, and reads no further
		case !errors.Is(err, context.Canceled):
			return found, err
		}
	}
	return found, ctx.Err()
}

// ClaimHook implements persistence.HookStore.
func (l *line) ClaimHook(ctx context.Context, claim persistence.HookClaim) (persistence.Hook, bool, error) {
	type claimed struct {
		persistence.Hook
		ok bool
	}
	c, err := call(ctx, l, "lease webhook", func(s *server) (c claimed, err error) {
		c.Hook, c.ok, err = s.store.ClaimHook(ctx, claim)
		return c, err
	})
	return c.Hook, c.ok, err
}

// RenewHook implements persistence.HookStore.
func (l *line) RenewHook(ctx context.Context, hook persistence.HookRef, lease time.Duration) error {
	return done(ctx, l, "renew webhook", func(s *server) error { return s.store.RenewHook(ctx, hook, lease) })
}

// ReleaseHook implements persistence.HookStore.
func (l *line) ReleaseHook(ctx context.Context, hook persistence.HookRef) error {
	return done(ctx, l, "release webhook", func(s *server) error { return s.store.ReleaseHook(ctx, hook) })
}

// PlanHook implements persistence.HookStore.
func (l *line) PlanHook(ctx context.Context, hook persistence.HookRef, from string, plan persistence.HookPlan) error {
	return done(ctx, l, "plan webhook", func(s *server) error { return s.store.PlanHook(ctx, hook, from, plan) })
}

// FailHook implements persistence.HookStore.
func (l *line) FailHook(ctx context.Context, hook persistence.HookRef, reason string) (persistence.Hook, error) {
	return call(ctx, l, "fail webhook", func(s *server) (persistence.Hook, error) { return s.store.FailHook(ctx, hook, reason) })
}

// MoveHook implements persistence.HookStore.
func (l *line) MoveHook(ctx context.Context, move persistence.HookMove) error {
	return done(ctx, l, "move webhook", func(s *server) error { return s.store.MoveHook(ctx, move) })
}
