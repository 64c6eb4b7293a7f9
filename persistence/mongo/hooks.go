package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
)

var _ persistence.HookStore = (*Store)(nil)

// ClaimHook implements persistence.HookStore.
func (s *Store) ClaimHook(ctx context.Context, claim persistence.HookClaim) (hook persistence.Hook, claimed bool, err error) {
	err = s.work(func() error {
		hook, claimed, err = s.claimHook(ctx, claim)
		if err != nil || claimed {
			return err
		}
		known, err := s.collection(persistence.Hooks).CountDocuments(ctx, byID(claim.Name))
		if err != nil || known > 0 {
			return err
		}
		if err := s.insertHook(ctx, claim); err != nil {
			return err
		}
		hook, claimed, err = s.claimHook(ctx, claim)
		return err
	})
	return hook, claimed && err == nil, err
}

// claimHook claims a hook whose document exists and that no other process delivers.
func (s *Store) claimHook(ctx context.Context, claim persistence.HookClaim) (hook persistence.Hook, claimed bool, err error) {
	free := append(byID(claim.Name), is("$expr", bson.D{is("$or", bson.A{
		bson.D{is("$in", bson.A{"$node", bson.A{"", literal(claim.Node)}})},
		bson.D{is("$lte", bson.A{"$leasedUntil", "$$NOW"})},
	})}))
	err = s.collection(persistence.Hooks).FindOneAndUpdate(ctx, free, set(
		is("node", literal(claim.Node)), is("epoch", plus("$epoch", 1)), leased(claim.Lease), is("updatedAt", "$$NOW"),
	), options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&hook)
	if errors.Is(err, driver.ErrNoDocuments) {
		return hook, false, nil
	}
	return hook, err == nil, err
}

// insertHook inserts a hook's document unless it exists.
func (s *Store) insertHook(ctx context.Context, claim persistence.HookClaim) error {
	inserted := bson.D{is("$mergeObjects", bson.A{
		literal(persistence.Hook{Name: claim.Name, Position: claim.Start}),
		bson.D{is("leasedUntil", "$$NOW"), is("updatedAt", "$$NOW")},
	})}
	_, err := s.collection(persistence.Hooks).UpdateOne(ctx, append(byID(claim.Name), is("epoch", nil)),
		driver.Pipeline{{is("$replaceWith", inserted)}}, options.UpdateOne().SetUpsert(true))
	if driver.IsDuplicateKeyError(err) { // another process has inserted it
		return nil
	}
	return err
}

// RenewHook implements persistence.HookStore.
func (s *Store) RenewHook(ctx context.Context, ref persistence.HookRef, lease time.Duration) error {
	return s.changeHook(ctx, ref, nil, set(leased(lease)), nil)
}

// ReleaseHook implements persistence.HookStore.
func (s *Store) ReleaseHook(ctx context.Context, ref persistence.HookRef) error {
	return s.changeHook(ctx, ref, nil, set(is("node", ""), is("leasedUntil", "$$NOW")), nil)
}

// PlanHook implements persistence.HookStore.
func (s *Store) PlanHook(ctx context.Context, ref persistence.HookRef, from string, plan persistence.HookPlan) error {
	return s.changeHook(ctx, ref, at(from), set(is("plan", literal(plan)), is("updatedAt", "$$NOW")), nil)
}

// FailHook implements persistence.HookStore.
func (s *Store) FailHook(ctx context.Context, ref persistence.HookRef, reason string) (hook persistence.Hook, err error) {
	err = s.changeHook(ctx, ref, nil, set(
		is("attempts", plus("$attempts", 1)), is("failingSince", bson.D{is("$ifNull", bson.A{"$failingSince", "$$NOW"})}),
		is("lastError", literal(reason)), is("updatedAt", "$$NOW"),
	), &hook)
	return hook, err
}

// changeHook updates a hook's document if the claim is current and further matches. It
// stores the updated document in into, unless into is nil.
func (s *Store) changeHook(ctx context.Context, ref persistence.HookRef, further bson.D, update driver.Pipeline, into *persistence.Hook) error {
	var hook persistence.Hook
	err := s.work(func() error {
		return retry(ctx, func() error {
			err := s.collection(persistence.Hooks).FindOneAndUpdate(ctx, append(claimed(ref), further...), update,
				options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&hook)
			return fencedHook(ref, err)
		})
	})
	if into != nil {
		*into = hook
	}
	return err
}

// MoveHook implements persistence.HookStore.
func (s *Store) MoveHook(ctx context.Context, move persistence.HookMove) error {
	t := transaction{
		store: s,
		body:  func(ctx context.Context) error { return s.moveHook(ctx, move) },
		landed: func(ctx context.Context) (bool, error) {
			n, err := s.linearizable(persistence.Hooks).CountDocuments(ctx, append(claimed(move.Hook), at(move.To)...))
			return n == 1, err
		},
	}
	return s.work(func() error { return t.run(ctx) })
}

// moveHook is the body of MoveHook's transaction.
func (s *Store) moveHook(ctx context.Context, move persistence.HookMove) error {
	fields := bson.D{is("position", literal(move.To)), is("updatedAt", "$$NOW")}
	switch {
	case move.Dead != nil:
		fields = append(fields, is("dead", plus("$dead", 1)))
	case move.Events > 0:
		fields = append(fields, is("deliveries", plus("$deliveries", 1)), is("events", plus("$events", move.Events)), is("deliveredAt", "$$NOW"))
	}
	update := append(set(fields...), bson.D{is("$unset", bson.A{"plan", "attempts", "failingSince"})})
	var before persistence.Hook
	err := s.collection(persistence.Hooks).FindOneAndUpdate(ctx, append(claimed(move.Hook), at(move.From)...), update).Decode(&before)
	if err != nil || move.Dead == nil {
		return fencedHook(move.Hook, err)
	}
	dead := move.Dead.After(before)
	_, err = s.collection(persistence.DeadHooks).ReplaceOne(ctx, byID(dead.ID), dead, options.Replace().SetUpsert(true))
	return err
}

// FailDeadHook implements persistence.DeadHookStore.
func (s *Store) FailDeadHook(ctx context.Context, id, reason string) (known bool, err error) {
	err = s.work(func() error {
		result, err := s.collection(persistence.DeadHooks).UpdateOne(ctx, byID(id),
			set(is("attempts", plus("$attempts", 1)), is("reason", literal(reason)), is("deadAt", "$$NOW")))
		known = err == nil && result.MatchedCount == 1
		return err
	})
	return known && err == nil, err
}

// RemoveDeadHook implements persistence.DeadHookStore.
func (s *Store) RemoveDeadHook(ctx context.Context, id string) (known bool, err error) {
	err = s.work(func() error {
		result, err := s.collection(persistence.DeadHooks).DeleteOne(ctx, byID(id))
		known = err == nil && result.DeletedCount == 1
		return err
	})
	return known && err == nil, err
}

// claimed matches a hook's document while a claim is current.
func claimed(ref persistence.HookRef) bson.D { return append(byID(ref.Name), is("epoch", ref.Epoch)) }

func at(position string) bson.D { return bson.D{is("position", position)} }

// fencedHook converts the error of an update that matched nothing to ErrFenced.
func fencedHook(ref persistence.HookRef, err error) error {
	if errors.Is(err, driver.ErrNoDocuments) {
		return ownError{fmt.Errorf("hook %s: %w", ref.Name, persistence.ErrFenced)}
	}
	return err
}

func set(fields ...bson.E) driver.Pipeline { return driver.Pipeline{{is("$set", bson.D(fields))}} }

func literal(value any) bson.D { return bson.D{is("$literal", value)} }

// plus adds n to a field; a missing field is 0.
func plus(field string, n int64) bson.D {
	return bson.D{is("$add", bson.A{bson.D{is("$ifNull", bson.A{field, int64(0)})}, n})}
}

func leased(lease time.Duration) bson.E {
	return is("leasedUntil", bson.D{is("$add", bson.A{"$$NOW", lease.Milliseconds()})})
}
