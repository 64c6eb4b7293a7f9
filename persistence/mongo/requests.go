package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
)

// Ask implements persistence.RequestQueue.
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

// Requests implements persistence.RequestQueue.
func (s *Store) Requests(ctx context.Context, ids []string) ([]persistence.Request, error) {
	return s.requests(ctx, bson.D{in("_id", ids)})
}

// Pending implements persistence.RequestQueue.
func (s *Store) Pending(ctx context.Context) ([]persistence.Request, error) {
	return s.requests(ctx, bson.D{in("state", []string{persistence.RequestPending, persistence.RequestRunning})})
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

// Answer implements persistence.Registry.
func (s *Store) Answer(ctx context.Context, owned persistence.Lease, id string, answer persistence.Answer) (bool, error) {
	done := ending(persistence.RequestDone, bson.D{
		is("node", owned.Node), is("epoch", owned.Epoch), is("answer", bson.D{is("$literal", answer)}),
	})
	return s.underLease(ctx, owned, append(pending(id), is("chain", owned.Chain)), done, nil)
}

// StartRequest implements persistence.RequestQueue.
func (s *Store) StartRequest(ctx context.Context, owned persistence.Lease, id string) (started persistence.Request, ok bool, err error) {
	before := append(byID(id), is("chain", owned.Chain), is("$or", bson.A{
		bson.D{is("state", persistence.RequestPending)},
		bson.D{is("state", persistence.RequestRunning), is("epoch", bson.D{is("$lte", owned.Epoch)})},
	}))
	running := driver.Pipeline{{is("$set", bson.D{
		is("state", persistence.RequestRunning), is("node", owned.Node), is("epoch", owned.Epoch),
		is("startedAt", bson.D{is("$ifNull", bson.A{"$startedAt", "$$NOW"})}),
		is("starts", bson.D{is("$add", bson.A{bson.D{is("$ifNull", bson.A{"$starts", int64(0)})}, int64(1)})}),
	})}}
	ok, err = s.underLease(ctx, owned, before, running, &started)
	return started, ok, err
}

// ReportRequest implements persistence.RequestQueue.
func (s *Store) ReportRequest(ctx context.Context, started persistence.Request) error {
	var fields bson.D
	if started.Progress != nil {
		fields = append(fields, is("progress", *started.Progress))
	}
	if started.Answer != nil {
		fields = append(fields, is("answer", *started.Answer))
	}
	if len(fields) == 0 {
		return nil
	}
	return s.work(func() error {
		_, err := s.updateRequest(ctx, running(started), bson.D{is("$set", fields)})
		return err
	})
}

// FinishRequest implements persistence.RequestQueue.
func (s *Store) FinishRequest(ctx context.Context, owned persistence.Lease, started persistence.Request) (bool, error) {
	end, state := bson.D{}, persistence.RequestDone
	if started.Answer != nil {
		end = append(end, is("answer", bson.D{is("$literal", *started.Answer)}))
	}
	if started.Reason != "" {
		state = persistence.RequestFailed
		end = append(end, is("reason", bson.D{is("$literal", started.Reason)}))
	}
	return s.underLease(ctx, owned, running(started), ending(state, end), nil)
}

// underLease updates the request that the filter matches, if there is one, in a transaction
// that writes the lease as well: if it only read the lease, it could commit concurrently
// with a take-over. The resulting document is decoded into after, unless that is nil.
func (s *Store) underLease(ctx context.Context, owned persistence.Lease, request bson.D, update driver.Pipeline, after *persistence.Request) (matched bool, err error) {
	var updated persistence.Request
	t := transaction{
		store: s,
		body: func(ctx context.Context) error {
			matched = false
			result, err := s.collection(persistence.Leases).UpdateOne(ctx, asSeen(owned), bson.D{is("$inc", bson.D{is("claims", int64(1))})})
			switch {
			case err != nil:
				return err
			case result.MatchedCount == 0:
				return errLeaseChanged(owned.Chain)
			}
			err = s.collection(persistence.Requests).FindOneAndUpdate(ctx, request, update,
				options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&updated)
			if errors.Is(err, driver.ErrNoDocuments) {
				return nil
			}
			matched = err == nil
			return err
		},
		landed: func(ctx context.Context) (_ bool, err error) {
			matched, err = s.updatedTo(ctx, updated)
			return matched, err
		},
	}
	err = s.work(func() error { return t.run(ctx) })
	if after != nil {
		*after = updated
	}
	return matched && err == nil, err
}

// updatedTo reports whether a request is as an owner has tried to make it: no two owners
// have the same epoch, and an owner does not update a request concurrently with itself.
func (s *Store) updatedTo(ctx context.Context, updated persistence.Request) (bool, error) {
	var found persistence.Request
	err := s.linearizable(persistence.Requests).FindOne(ctx, append(byID(updated.ID), is("chain", updated.Chain), is("epoch", updated.Epoch))).Decode(&found)
	if errors.Is(err, driver.ErrNoDocuments) {
		return false, nil
	}
	return err == nil && found.State == updated.State && found.Starts == updated.Starts, err
}

// Fail implements persistence.RequestQueue.
func (s *Store) Fail(ctx context.Context, id, reason string) (bool, error) {
	overdue := is("$expr", bson.D{is("$lte", bson.A{"$overdueAt", "$$NOW"})})
	return s.fail(ctx, append(pending(id), overdue), reason)
}

// Withdraw implements persistence.RequestQueue.
func (s *Store) Withdraw(ctx context.Context, id, reason string) (bool, error) {
	return s.fail(ctx, pending(id), reason)
}

func (s *Store) fail(ctx context.Context, request bson.D, reason string) (failed bool, err error) {
	failure := ending(persistence.RequestFailed, bson.D{is("reason", bson.D{is("$literal", reason)})})
	err = s.work(func() (err error) {
		failed, err = s.updateRequest(ctx, request, failure)
		return err
	})
	return failed && err == nil, err
}

func pending(id string) bson.D { return append(byID(id), is("state", persistence.RequestPending)) }

// running matches a request that was started, and not again since.
func running(started persistence.Request) bson.D {
	return append(byID(started.ID), is("chain", started.Chain), is("state", persistence.RequestRunning),
		is("epoch", started.Epoch), is("starts", started.Starts))
}

// ending is the update that ends a request.
func ending(state string, more bson.D) driver.Pipeline {
	status := bson.D{is("$eq", bson.A{"$kind", persistence.StatusRequest})}
	keep := bson.D{is("$cond", bson.A{status, persistence.KeepStatus.Milliseconds(), persistence.KeepRequest.Milliseconds()})}
	return driver.Pipeline{{is("$set", append(bson.D{
		is("state", state), is("endedAt", "$$NOW"), is("expiresAt", bson.D{is("$add", bson.A{"$$NOW", keep})}),
	}, more...))}}
}

// updateRequest updates the request that the filter matches, if there is one.
func (s *Store) updateRequest(ctx context.Context, request bson.D, update any) (bool, error) {
	result, err := s.collection(persistence.Requests).UpdateOne(ctx, request, update)
	return err == nil && result.MatchedCount == 1, err
}
