package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/imart/event-worker/persistence"
)

// Ask implements persistence.Registry.
func (s *Store) Ask(ctx context.Context, requests []persistence.Request, overdue time.Duration) error {
	if len(requests) == 0 {
		return nil
	}
	times := bson.D{
		is("askedAt", "$$NOW"), is("overdueAt", bson.D{is("$add", bson.A{"$$NOW", overdue.Milliseconds()})}),
	}
	var inserts []driver.WriteModel
	for _, r := range requests {
		r.State = persistence.RequestPending
		asked := bson.D{is("$mergeObjects", bson.A{bson.D{is("$literal", r)}, times})}
		inserts = append(inserts, driver.NewUpdateOneModel().SetFilter(append(byID(r.ID), is("state", nil))).
			SetUpdate(driver.Pipeline{{is("$replaceWith", asked)}}).SetUpsert(true))
	}
	return s.work(func() error {
		_, err := s.collection(persistence.Requests).BulkWrite(ctx, inserts, options.BulkWrite().SetOrdered(false))
		return err
	})
}

// Requests implements persistence.Registry.
func (s *Store) Requests(ctx context.Context, ids []string) ([]persistence.Request, error) {
	return s.requests(ctx, bson.D{in("_id", ids)})
}

// Pending implements persistence.Registry.
func (s *Store) Pending(ctx context.Context) ([]persistence.Request, error) {
	return s.requests(ctx, bson.D{is("state", persistence.RequestPending)})
}

func (s *Store) requests(ctx context.Context, filter bson.D) (found []persistence.Request, err error) {
	err = s.work(func() error {
		cursor, err := s.collection(persistence.Requests).Find(ctx, filter, options.Find().SetSort(byKey))
		if err != nil {
			return err
		}
		return cursor.All(ctx, &found)
	})
	return found, err
}

// Answer implements persistence.Registry. The transaction writes the lease as well as the
// request: if it only read the lease, it could commit concurrently with a take-over.
func (s *Store) Answer(ctx context.Context, owned persistence.Lease, id string, answer persistence.Answer) (answered bool, err error) {
	t := transaction{
		store: s,
		body: func(ctx context.Context) (err error) {
			result, err := s.collection(persistence.Leases).UpdateOne(ctx, asSeen(owned), bson.D{is("$inc", bson.D{is("claims", int64(1))})})
			switch {
			case err != nil:
				return err
			case result.MatchedCount == 0:
				return errLeaseChanged(owned.Chain)
			}
			done := bson.D{is("$set", bson.D{
				is("state", persistence.RequestDone), is("node", owned.Node), is("epoch", owned.Epoch), is("answer", answer),
			}), stamp("endedAt")}
			answered, err = s.endRequest(ctx, append(pending(id), is("chain", owned.Chain)), done)
			return err
		},
		landed: func(ctx context.Context) (_ bool, err error) {
			answered, err = s.answeredBy(ctx, owned, id)
			return answered, err
		},
	}
	err = s.work(func() error { return t.run(ctx) })
	return answered && err == nil, err
}

// answeredBy reports whether a request was answered under a lease: no two owners have
// the same epoch, and an owner does not answer a request concurrently with itself.
func (s *Store) answeredBy(ctx context.Context, owned persistence.Lease, id string) (bool, error) {
	requests := s.database.Collection(persistence.Requests, options.Collection().SetReadConcern(readconcern.Linearizable()))
	err := requests.FindOne(ctx, append(byID(id), is("chain", owned.Chain), is("epoch", owned.Epoch))).Err()
	if errors.Is(err, driver.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}

// Fail implements persistence.Registry.
func (s *Store) Fail(ctx context.Context, id, reason string) (failed bool, err error) {
	overdue := is("$expr", bson.D{is("$lte", bson.A{"$overdueAt", "$$NOW"})})
	failure := bson.D{is("$set", bson.D{is("state", persistence.RequestFailed), is("reason", reason)}), stamp("endedAt")}
	err = s.work(func() (err error) {
		failed, err = s.endRequest(ctx, append(pending(id), overdue), failure)
		return err
	})
	return failed && err == nil, err
}

func pending(id string) bson.D { return append(byID(id), is("state", persistence.RequestPending)) }

// endRequest ends the request that the filter matches, if there is one.
func (s *Store) endRequest(ctx context.Context, request, update bson.D) (bool, error) {
	result, err := s.collection(persistence.Requests).UpdateOne(ctx, request, update)
	return err == nil && result.MatchedCount == 1, err
}
