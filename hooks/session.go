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

// maxKept bounds the body of a dead hook, in bytes: MongoDB limits documents to 16 MiB.
const maxKept = 8 << 20

// session makes the deliveries under one claim.
type session struct {
	*deliverer
	lease *lease
	state persistence.Hook // the hook's document
}

// run delivers until ctx ends or an error occurs.
func (s *session) run(ctx context.Context) error {
	for {
		err := s.resume(ctx)
		if errors.Is(err, persistence.ErrPositionGone) || errors.Is(err, persistence.ErrPositionInvalid) {
			err = s.deliverGone(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// resume delivers the events after the hook's position.
func (s *session) resume(ctx context.Context) error {
	if plan := s.state.Plan; plan != nil && plan.Gone {
		return s.deliver(ctx, goneBatch(plan.Through))
	}
	source := newSource(ctx, s.store, s.state.Position, s.hook.Collections)
	defer source.close()
	b := batcher{source: source, hook: s.hook, settle: s.timing.Settle, idle: s.timing.Idle, onFirst: s.wait}
	for {
		next, err := b.next(ctx, s.planned())
		if err != nil {
			return err
		}
		switch {
		case len(next.events) > 0:
			err = s.deliver(ctx, next)
		case next.through != s.state.Position:
			err = s.move(ctx, persistence.HookMove{To: next.through})
		}
		if err != nil {
			return err
		}
	}
}

// wait records that a delivery is waiting.
func (s *session) wait() { s.stats.change(func(s *stats) { s.since = time.Now() }) }

// planned returns where the next delivery must end; empty if that is not planned.
func (s *session) planned() string {
	if plan := s.state.Plan; plan != nil && plan.Choice == s.hook.choice() {
		return plan.Through
	}
	return ""
}

// deliverGone delivers an event of type gone, and continues at the end of the feed.
func (s *session) deliverGone(ctx context.Context) error {
	s.wait()
	within, cancel := context.WithTimeout(ctx, s.timing.Write)
	newest, err := s.store.Newest(within)
	cancel()
	if err != nil {
		return err
	}
	s.log.Warn("webhook was stopped for longer than changes are kept: its receiver gets the event gone")
	return s.deliver(ctx, goneBatch(newest))
}

func goneBatch(newest string) batch {
	return batch{events: []event{{Type: Gone, Position: newest}}, through: newest}
}

// deliver sends a batch until it is accepted or becomes a dead hook.
func (s *session) deliver(ctx context.Context, b batch) error {
	plan := persistence.HookPlan{Through: b.through, Choice: s.hook.choice(), Gone: b.events[0].Type == Gone}
	if s.state.Plan == nil || *s.state.Plan != plan {
		if err := s.plan(ctx, plan); err != nil {
			return err
		}
	}
	id := s.hook.deliveryID(s.state.Position, b.through)
	text, err := json.Marshal(body{ID: id, Hook: s.hook.Name, Position: b.through, SentAt: time.Now().UTC().Truncate(time.Millisecond), Events: b.events})
	if err != nil {
		return fmt.Errorf("encode a delivery: %w", err)
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
		if failure.Gone || s.state.UpdatedAt.Sub(*s.state.FailingSince) >= s.hook.GiveUp {
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

// attempt sends a delivery once. The failure is nil if the receiver accepted it. An error means
// that the attempt was not made or was aborted, so that its result is unknown.
func (s *session) attempt(ctx context.Context, id string, text []byte) (*Failure, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if !s.lease.holds() {
		return nil, errLeaseEnded
	}
	within, cancel := context.WithTimeout(s.lease, s.timing.Send)
	defer cancel()
	err := s.sender.Send(within, s.hook, id, text)
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

// failed stores a failed attempt, and returns how long to wait before the next one.
func (s *session) failed(ctx context.Context, failure *Failure) (time.Duration, error) {
	s.stats.change(func(s *stats) { s.now.Failed++ })
	within, cancel := s.writeContext(ctx)
	defer cancel()
	state, err := s.store.FailHook(within, s.state.Ref(), failure.Reason)
	if err != nil {
		return 0, err
	}
	s.state = state
	s.log.Debug("webhook failed", "attempts", state.Attempts, "reason", failure.Reason)
	if s.outage.Note(time.Now(), outage.Moment) {
		s.log.Error("webhook cannot be delivered: its later events wait", "host", s.hook.Host(), "since", s.outage.Since(), "attempts", state.Attempts, "reason", failure.Reason)
	}
	return max(failure.After, backoff.Jittered(int(min(state.Attempts, 30)), s.timing.Least, s.timing.Most)), nil
}

func (s *session) plan(ctx context.Context, plan persistence.HookPlan) error {
	within, cancel := s.writeContext(ctx)
	defer cancel()
	if err := s.store.PlanHook(within, s.state.Ref(), s.state.Position, plan); err != nil {
		return err
	}
	s.state.Plan = &plan
	return nil
}

// move stores a move of the hook from its position.
func (s *session) move(ctx context.Context, move persistence.HookMove) error {
	move.Hook, move.From = s.state.Ref(), s.state.Position
	within, cancel := s.writeContext(ctx)
	defer cancel()
	if err := s.store.MoveHook(within, move); err != nil {
		return err
	}
	s.state.Position, s.state.Plan = move.To, nil
	switch {
	case move.Dead != nil:
		s.log.Error("webhook delivery was given up: event-worker hooks retry sends it again", "delivery", move.Dead.ID, "events", move.Events, "attempts", s.state.Attempts, "reason", move.Dead.Reason)
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
