package mongo

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// stamp sets a field to the server's time.
func stamp(field string) bson.E {
	return bson.E{Key: "$currentDate", Value: bson.D{{Key: field, Value: true}}}
}

func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }

// runIdempotent runs a transaction that may be committed twice without harm.
func (s *Store) runIdempotent(ctx context.Context, body func(ctx context.Context) error) error {
	if err := s.endSuspects(ctx); err != nil {
		return err
	}
	t := transaction{store: s, body: body, landed: func(context.Context) (bool, error) { return false, nil }}
	return t.run(ctx)
}

// Claim implements persistence.Store.
func (s *Store) Claim(ctx context.Context, claim persistence.Claim) (actor persistence.Actor, err error) {
	err = s.work(func() (err error) {
		actor, err = s.claim(ctx, claim)
		return err
	})
	return actor, err
}

func (s *Store) claim(ctx context.Context, claim persistence.Claim) (persistence.Actor, error) {
	if err := s.endSuspects(ctx); err != nil { // their transactions would block this one
		return persistence.Actor{}, err
	}
	for {
		before, err := s.actor(ctx, claim.ID)
		switch {
		case errors.Is(err, driver.ErrNoDocuments):
			err = s.runIdempotent(ctx, func(ctx context.Context) error { return s.insertActor(ctx, claim) })
		case err == nil && before.Epoch > claim.Epoch:
			err = fenced(claim.ID)
		case err == nil:
			var actor persistence.Actor
			if actor, err = s.startIncarnation(ctx, before, claim); err == nil {
				return actor, nil
			}
			if errors.Is(err, driver.ErrNoDocuments) { // another process has claimed the actor
				err = nil
			}
		}
		if err != nil {
			return persistence.Actor{}, err
		}
	}
}

func (s *Store) actor(ctx context.Context, id string) (persistence.Actor, error) {
	var actor documents.Actor
	err := s.collection(persistence.Actors).FindOne(ctx, byID(id)).Decode(&actor)
	return actor.Actor, err
}

// startIncarnation starts the incarnation that follows the one in before. The update is conditional
// on that incarnation: the server may receive the update a second time, long after its
// caller has given up.
func (s *Store) startIncarnation(ctx context.Context, before persistence.Actor, claim persistence.Claim) (persistence.Actor, error) {
	var c change
	c.set("kind", claim.Kind)
	c.set("chain", claim.Chain)
	c.setOrUnset("market", claim.Market, "")
	c.setOrUnset("stream", claim.Stream, "")
	c.set("node", claim.Node)
	c.setOrUnset("documents", claim.Documents, false)
	c.set("epoch", claim.Epoch)
	if claim.Paused != nil {
		c.setOrUnset("paused", *claim.Paused, false)
	}
	if claim.LastError != "" {
		c.set("lastError", claim.LastError)
	}
	if meaning := before.Under(claim.Meaning); meaning != nil {
		c.set("meaning", meaning)
	}
	c.add("incarnation", 1)
	c.add("restarts", claim.Restarts)
	var actor documents.Actor
	err := s.collection(persistence.Actors).FindOneAndUpdate(ctx, incarnation(before.Ref()), c.update("updatedAt"),
		options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&actor)
	return actor.Actor, err
}

// insertActor inserts the document of an actor that has none, ready for its first claim.
// The transaction writes to the lease, so that a take-over cannot overlook the document.
func (s *Store) insertActor(ctx context.Context, claim persistence.Claim) error {
	known, err := s.collection(persistence.Actors).CountDocuments(ctx, byID(claim.ID))
	if err != nil || known > 0 {
		return err
	}
	lease, err := s.lease(ctx, claim.Chain)
	if err != nil {
		return err
	}
	if lease.Epoch > claim.Epoch {
		return fenced(claim.ID)
	}
	counted := bson.D{
		{Key: "$inc", Value: bson.D{{Key: "claims", Value: int64(1)}}},
		{Key: "$setOnInsert", Value: bson.D{
			{Key: "node", Value: claim.Node}, {Key: "epoch", Value: claim.Epoch}, {Key: "app", Value: s.app}, {Key: "takenAt", Value: now()},
		}},
	}
	if _, err := s.collection(persistence.Leases).UpdateOne(ctx, byID(claim.Chain), counted, options.UpdateOne().SetUpsert(true)); err != nil {
		return err
	}
	_, err = s.collection(persistence.Actors).InsertOne(ctx, documents.Actor{Actor: persistence.Actor{
		ID: claim.ID, Kind: claim.Kind, Chain: claim.Chain, Market: claim.Market, Stream: claim.Stream, Node: claim.Node,
		Documents: claim.Documents, Epoch: claim.Epoch, Place: claim.Start, UpdatedAt: now(),
	}})
	return err
}

// Report implements persistence.Store.
func (s *Store) Report(ctx context.Context, ref persistence.ActorRef, report persistence.Report) error {
	var c change
	c.report(report)
	if report.Place != nil {
		c.place(*report.Place)
	}
	return s.work(func() error {
		result, err := s.collection(persistence.Actors).UpdateOne(ctx, incarnation(ref), c.update("updatedAt"))
		if err == nil && result.MatchedCount == 0 {
			err = fenced(ref.ID)
		}
		return err
	})
}

// incarnation matches an incarnation's document.
func incarnation(ref persistence.ActorRef) bson.D {
	return append(byID(ref.ID), bson.E{Key: "epoch", Value: ref.Epoch}, bson.E{Key: "incarnation", Value: ref.Incarnation})
}

// applyMoves applies moves, each on condition that its actor is at the move's start.
func (s *Store) applyMoves(ctx context.Context, moves []persistence.Move, commit bson.ObjectID) error {
	for i, m := range moves {
		if slices.ContainsFunc(moves[:i], func(earlier persistence.Move) bool { return earlier.Actor.ID == m.Actor.ID && earlier.From != m.From }) {
			return fenced(m.Actor.ID)
		}
		result, err := s.collection(persistence.Actors).UpdateOne(ctx, s.condition(m), updateOf(m, commit))
		if err != nil {
			return err
		}
		if result.MatchedCount == 0 {
			return fenced(m.Actor.ID)
		}
	}
	return nil
}

// unmoved matches the document of a move's actor if the actor is at the move's start.
func unmoved(m persistence.Move) bson.D {
	return append(incarnation(m.Actor),
		bson.E{Key: "seq", Value: m.From.Seq},
		bson.E{Key: "hash", Value: orNull(m.From.Hash)},
		bson.E{Key: "through", Value: orNull(m.From.Through)},
	)
}

// checkMoves returns ErrFenced if an actor is not at its move's start.
func (s *Store) checkMoves(ctx context.Context, moves []persistence.Move) error {
	for _, m := range moves {
		n, err := s.collection(persistence.Actors).CountDocuments(ctx, s.condition(m))
		if err != nil {
			return err
		}
		if n == 0 {
			return fenced(m.Actor.ID)
		}
	}
	return nil
}

// orNull returns null, which matches a missing field, for a zero value.
func orNull[T comparable](v T) any {
	if v == *new(T) {
		return nil
	}
	return v
}

func updateOf(m persistence.Move, commit bson.ObjectID) bson.D {
	var c change
	c.place(m.To)
	if m.Pending == nil {
		c.unset("pending")
	} else {
		c.set("pending", *m.Pending)
	}
	if m.Trail != nil {
		c.set("trail", m.Trail)
	}
	c.add("events", m.Events)
	c.add("deadLetters", m.DeadLetters)
	c.report(m.Report)
	c.set("commit", commit)
	return c.update("updatedAt")
}

// landed reports whether a commit has moved its actors.
func (s *Store) landed(ctx context.Context, moves []persistence.Move, commit bson.ObjectID) (bool, error) {
	err := s.linearizable(persistence.Actors).FindOne(ctx, append(byID(moves[0].Actor.ID), bson.E{Key: "commit", Value: commit})).Err()
	if errors.Is(err, driver.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}

// change builds an update of an actor's document.
type change struct{ sets, unsets, adds bson.D }

func (c *change) set(field string, value any) {
	c.sets = append(c.sets, bson.E{Key: field, Value: value})
}

func (c *change) unset(field string) { c.unsets = append(c.unsets, bson.E{Key: field, Value: ""}) }

// setOrUnset sets a field, or removes the field if its value is the one that is not stored.
func (c *change) setOrUnset(field string, value, missing any) {
	if value == missing {
		c.unset(field)
	} else {
		c.set(field, value)
	}
}

func (c *change) add(field string, n int64) {
	if n != 0 {
		c.adds = append(c.adds, bson.E{Key: field, Value: n})
	}
}

func (c *change) place(p markets.Place) {
	c.set("seq", p.Seq)
	c.setOrUnset("hash", p.Hash, "")
	c.setOrUnset("through", p.Through, int64(0))
}

func (c *change) report(r persistence.Report) {
	c.setOrUnset("state", r.Status, "")
	c.set("head", r.Head)
	c.set("finalized", r.Finalized)
	c.set("lag", r.Lag)
	if r.LastError != "" {
		c.set("lastError", r.LastError)
	}
	if r.Endpoints != nil {
		c.set("endpoints", r.Endpoints)
	}
}

// update returns the change as an update that also sets the field at to the server's
// time.
func (c *change) update(at string) bson.D {
	update := bson.D{stamp(at)}
	for _, part := range []struct {
		operator string
		fields   bson.D
	}{{"$set", c.sets}, {"$unset", c.unsets}, {"$inc", c.adds}} {
		if len(part.fields) > 0 {
			update = append(update, bson.E{Key: part.operator, Value: part.fields})
		}
	}
	return update
}
