package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/persistence"
)

// maxKept is how large the body of a dead hook may be: MongoDB's documents have 16 MiB at most.
const maxKept = 8 << 20

// session is the deliveries under one claim.
type session struct {
	*deliverer
	lease *lease
	hook  persistence.Hook
}

// run delivers until ctx ends, or with an error.
func (s *session) run(ctx context.Context) error {
	for {
		err := s.resume(ctx)
		if errors.Is(err, persistence.ErrPositionGone) || errors.Is(err, persistence.ErrPositionInvalid) {
			err = s.tellGone(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// resume follows the feed from the hook's position on.
func (s *session) resume(ctx context.Context) error {
	if plan := s.hook.Plan; plan != nil && plan.Gone {
		return s.deliver(ctx, goneBatch(plan.Through))
	}
	source := newSource(ctx, s.store, s.hook.Position, s.deliverer.hook.Collections)
	defer source.close()
	b := batcher{source: source, hook: s.deliverer.hook, settle: s.timing.Settle, idle: s.timing.Idle, began: s.wait}
	for {
		next, err := b.next(ctx, s.planned())
		if err != nil {
			return err
		}
		switch {
		case len(next.events) > 0:
			err = s.deliver(ctx, next)
		case next.through != s.hook.Position:
			err = s.move(ctx, persistence.HookMove{To: next.through})
		}
		if err != nil {
			return err
		}
	}
}

// wait notes that a delivery waits from now on.
func (s *session) wait() { s.stats.change(func(s *stats) { s.since = time.Now() }) }

// planned is where the next delivery ends if that is planned.
func (s *session) planned() string {
	if plan := s.hook.Plan; plan != nil && plan.Choice == s.deliverer.hook.choice() {
		return plan.Through
	}
	return ""
}

// tellGone tells the receiver that events are missing, and continues after all of them.
func (s *session) tellGone(ctx context.Context) error {
	s.wait()
	within, cancel := context.WithTimeout(ctx, s.timing.Write)
	newest, err := s.store.Newest(within)
	cancel()
	if err != nil {
		return err
	}
	s.log.Warn("webhook was stopped for longer than changes are kept: its receiver is told to read the documents again")
	return s.deliver(ctx, goneBatch(newest))
}

func goneBatch(newest string) batch {
	return batch{events: []event{{Type: Gone, Position: newest}}, through: newest}
}

// deliver sends a batch until it is delivered or dead.
func (s *session) deliver(ctx context.Context, b batch) error {
	plan := persistence.HookPlan{Through: b.through, Choice: s.deliverer.hook.choice(), Gone: b.events[0].Type == Gone}
	if s.hook.Plan == nil || *s.hook.Plan != plan {
		if err := s.plan(ctx, plan); err != nil {
			return err
		}
	}
	id := s.deliverer.hook.deliveryID(s.hook.Position, b.through)
	text, err := json.Marshal(body{ID: id, Hook: s.hook.Name, Position: b.through, SentAt: time.Now().UTC().Truncate(time.Millisecond), Events: b.events})
	if err != nil {
		return fmt.Errorf("a delivery cannot be written: %w", err)
	}
	move := persistence.HookMove{To: b.through, Events: int64(len(b.events))}
	for {
		failure, err := s.attempt(ctx, id, text)
		if err != nil {
			return err
		}
		if failure == nil {
			return s.move(ctx, move)
		}
		after, err := s.failed(ctx, failure)
		if err != nil {
			return err
		}
		if failure.Gone || s.hook.UpdatedAt.Sub(*s.hook.FailingSince) >= s.deliverer.hook.GiveUp {
			move.Dead = &persistence.DeadHook{ID: id, Position: b.through, Events: move.Events, Body: string(text), Reason: failure.Reason}
			if len(text) > maxKept {
				move.Dead.Body = ""
			}
			return s.move(ctx, move)
		}
		if backoff.Sleep(ctx, after) != nil {
			return context.Cause(ctx)
		}
	}
}

// attempt sends a delivery once. The failure is nil if it was accepted; the error says that
// nothing is known of the receiver.
func (s *session) attempt(ctx context.Context, id string, text []byte) (*Failure, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if !s.lease.holds() {
		return nil, errLeaseEnded
	}
	within, cancel := context.WithTimeout(s.lease, s.timing.Send)
	defer cancel()
	err := s.sender.Send(within, s.deliverer.hook, id, text)
	if err == nil {
		return nil, nil
	}
	if s.lease.Err() != nil {
		return nil, context.Cause(s.lease)
	}
	failure, ok := errors.AsType[*Failure](err)
	if !ok {
		return nil, err
	}
	return failure, nil
}

// failed writes a failed attempt down, and returns how long to wait before the next one.
func (s *session) failed(ctx context.Context, failure *Failure) (time.Duration, error) {
	s.stats.change(func(s *stats) { s.now.Failed++ })
	within, cancel := s.writing(ctx)
	defer cancel()
	hook, err := s.store.FailHook(within, s.hook.Ref(), failure.Reason)
	if err != nil {
		return 0, err
	}
	s.hook = hook
	s.log.Debug("webhook failed", "attempts", hook.Attempts, "reason", failure.Reason)
	if s.outage.Note(time.Now(), outage.Moment) {
		s.log.Error("webhook cannot be delivered: its later events wait", "host", s.deliverer.hook.Host(), "since", s.outage.Since(), "attempts", hook.Attempts, "reason", failure.Reason)
	}
	return max(failure.After, backoff.Jittered(int(min(hook.Attempts, 30)), s.timing.Least, s.timing.Most)), nil
}

func (s *session) plan(ctx context.Context, plan persistence.HookPlan) error {
	within, cancel := s.writing(ctx)
	defer cancel()
	if err := s.store.PlanHook(within, s.hook.Ref(), s.hook.Position, plan); err != nil {
		return err
	}
	s.hook.Plan = &plan
	return nil
}

// move moves the hook from its position.
func (s *session) move(ctx context.Context, move persistence.HookMove) error {
	move.Hook, move.From = s.hook.Ref(), s.hook.Position
	within, cancel := s.writing(ctx)
	defer cancel()
	if err := s.store.MoveHook(within, move); err != nil {
		return err
	}
	s.hook.Position, s.hook.Plan = move.To, nil
	switch {
	case move.Dead != nil:
		s.log.Error("webhook delivery was given up: event-worker hooks retry sends it again", "delivery", move.Dead.ID, "events", move.Events, "attempts", s.hook.Attempts, "reason", move.Dead.Reason)
	case move.Events > 0:
		if lasted := s.outage.End(time.Now()); lasted > 0 {
			s.log.Info("webhook is delivered again", outage.Lasted, lasted)
		}
	}
	s.stats.change(func(s *stats) {
		s.since = time.Time{}
		switch {
		case move.Dead != nil:
			s.now.Dead++
		case move.Events > 0:
			s.now.Delivered++
		}
	})
	return nil
}
