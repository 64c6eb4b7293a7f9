package embedded

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

var _ persistence.HookStore = (*Store)(nil)
var _ persistence.DeadHookStore = (*Queue)(nil)

// ClaimHook implements persistence.HookStore.
func (s *Store) ClaimHook(ctx context.Context, claim persistence.HookClaim) (hook persistence.Hook, claimed bool, err error) {
	err = s.write(ctx, func(conn *sqlite.Conn) error {
		at := now()
		known, err := getDocument(conn, persistence.Hooks, claim.Name, &hook)
		if err != nil {
			return err
		}
		if !known {
			hook = persistence.Hook{Name: claim.Name, Position: claim.Start}
		}
		if claimed = hook.Node == "" || hook.Node == claim.Node || !hook.LeasedUntil.After(at); !claimed {
			return nil
		}
		hook.Node, hook.LeasedUntil, hook.UpdatedAt = claim.Node, at.Add(claim.Lease), at
		hook.Epoch++
		return putDocument(conn, persistence.Hooks, claim.Name, hook)
	})
	return hook, claimed && err == nil, err
}

// RenewHook implements persistence.HookStore.
func (s *Store) RenewHook(ctx context.Context, ref persistence.HookRef, lease time.Duration) error {
	return s.changeHook(ctx, ref, func(_ *sqlite.Conn, h *persistence.Hook) error {
		h.LeasedUntil = now().Add(lease)
		return nil
	})
}

// ReleaseHook implements persistence.HookStore.
func (s *Store) ReleaseHook(ctx context.Context, ref persistence.HookRef) error {
	return s.changeHook(ctx, ref, func(_ *sqlite.Conn, h *persistence.Hook) error {
		h.Node, h.LeasedUntil = "", now()
		return nil
	})
}

// PlanHook implements persistence.HookStore.
func (s *Store) PlanHook(ctx context.Context, ref persistence.HookRef, from string, plan persistence.HookPlan) error {
	return s.changeHook(ctx, ref, func(_ *sqlite.Conn, h *persistence.Hook) error {
		h.Plan, h.UpdatedAt = &plan, now()
		return standsAt(h, from)
	})
}

// FailHook implements persistence.HookStore.
func (s *Store) FailHook(ctx context.Context, ref persistence.HookRef, reason string) (hook persistence.Hook, err error) {
	err = s.changeHook(ctx, ref, func(_ *sqlite.Conn, h *persistence.Hook) error {
		h.UpdatedAt = now()
		if h.FailingSince == nil {
			h.FailingSince = &h.UpdatedAt
		}
		h.Attempts++
		h.LastError = reason
		hook = *h
		return nil
	})
	return hook, err
}

// MoveHook implements persistence.HookStore.
func (s *Store) MoveHook(ctx context.Context, move persistence.HookMove) error {
	return s.changeHook(ctx, move.Hook, func(conn *sqlite.Conn, h *persistence.Hook) error {
		if err := standsAt(h, move.From); err != nil {
			return err
		}
		at := now()
		switch {
		case move.Dead != nil:
			h.Dead++
			dead := move.Dead.After(*h)
			if err := putDocument(conn, persistence.DeadHooks, dead.ID, dead); err != nil {
				return err
			}
		case move.Events > 0:
			h.Deliveries++
			h.Events += move.Events
			h.DeliveredAt = &at
		}
		h.Position, h.Plan, h.Attempts, h.FailingSince, h.UpdatedAt = move.To, nil, 0, nil, at
		return nil
	})
}

// standsAt returns ErrFenced unless a hook is at a position.
func standsAt(h *persistence.Hook, position string) error {
	if h.Position != position {
		return fmt.Errorf("hook %s: %w", h.Name, persistence.ErrFenced)
	}
	return nil
}

// changeHook changes a hook's document, unless its claim is fenced.
func (s *Store) changeHook(ctx context.Context, ref persistence.HookRef, change func(*sqlite.Conn, *persistence.Hook) error) error {
	return s.write(ctx, func(conn *sqlite.Conn) error {
		var hook persistence.Hook
		known, err := getDocument(conn, persistence.Hooks, ref.Name, &hook)
		if err != nil {
			return err
		}
		if !known || hook.Epoch != ref.Epoch {
			return fmt.Errorf("hook %s: %w", ref.Name, persistence.ErrFenced)
		}
		if err := change(conn, &hook); err != nil {
			return err
		}
		return putDocument(conn, persistence.Hooks, ref.Name, hook)
	})
}

// FailDeadHook implements persistence.DeadHookStore.
func (q queue) FailDeadHook(ctx context.Context, id, reason string) (known bool, err error) {
	err = q.writing(ctx, func(conn *sqlite.Conn) error {
		var dead persistence.DeadHook
		if known, err = getDocument(conn, persistence.DeadHooks, id, &dead); err != nil || !known {
			return err
		}
		dead.Attempts++
		dead.Reason, dead.DeadAt = reason, now()
		return putDocument(conn, persistence.DeadHooks, id, dead)
	})
	return known && err == nil, err
}

// RemoveDeadHook implements persistence.DeadHookStore.
func (q queue) RemoveDeadHook(ctx context.Context, id string) (known bool, err error) {
	err = q.writing(ctx, func(conn *sqlite.Conn) error {
		n, err := run(conn, "DELETE FROM dead_hooks WHERE id = ?", func(stmt *sqlite.Stmt) { stmt.BindText(1, id) })
		known = n > 0
		return err
	})
	return known && err == nil, err
}
