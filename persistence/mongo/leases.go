package mongo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// TakeOver is persistence.Store's.
func (s *Store) TakeOver(ctx context.Context, chain, node string) (epoch int64, err error) {
	err = s.work(func() error {
		for {
			before, err := s.lease(ctx, chain)
			if err != nil {
				return err
			}
			before.Chain = chain
			taken, err := s.take(ctx, before, node)
			if !errors.Is(err, persistence.ErrTaken) { // else somebody was quicker
				epoch = taken.Epoch
				return err
			}
		}
	})
	return epoch, err
}

// Take is persistence.Registry's.
func (s *Store) Take(ctx context.Context, seen persistence.Lease, node string) (taken persistence.Lease, err error) {
	err = s.work(func() error {
		before, err := s.lease(ctx, seen.Chain)
		if err != nil {
			return err
		}
		if before.Node != seen.Node || before.Epoch != seen.Epoch {
			return errTaken(seen.Chain)
		}
		before.Chain = seen.Chain
		taken, err = s.take(ctx, before, node)
		return err
	})
	return taken, err
}

func errTaken(chain string) error {
	return ownError{fmt.Errorf("%s: %w", chain, persistence.ErrTaken)}
}

// Release is persistence.Registry's.
func (s *Store) Release(ctx context.Context, held persistence.Lease) error {
	return s.work(func() error {
		_, err := s.collection(persistence.Leases).UpdateOne(ctx, asSeen(held), bson.D{is("$set", bson.D{is("node", "")})})
		return err
	})
}

// asSeen matches a lease if it is still as it was seen: no two owners have the same
// epoch.
func asSeen(lease persistence.Lease) bson.D {
	return append(byID(lease.Chain), is("node", lease.Node), is("epoch", lease.Epoch))
}

// take raises the lease's epoch, and then stamps it into the actors' documents.
// Each step waits for whoever is in its way. A transaction of both would have to
// begin again whenever the earlier owner commits, and might never come to its end;
// and nobody acts on the epoch before both are done. If they do not get done, the
// next take-over stamps a higher one.
func (s *Store) take(ctx context.Context, before documents.Lease, node string) (persistence.Lease, error) {
	epochs, err := s.epochs(ctx, before.Chain)
	if err != nil {
		return persistence.Lease{}, err
	}
	former, lost := s.formerApps(before, epochs.Lowest)
	for _, app := range former {
		s.suspects.addApp(app)
	}
	if err := errors.Join(s.endTransactions(ctx, lost), s.endSuspects(ctx)); err != nil {
		return persistence.Lease{}, err
	}
	var taken persistence.Lease
	err = s.pressing(ctx, func() (err error) {
		if taken, err = s.raise(ctx, before, node, max(before.Epoch, epochs.Highest)+1, former); err == nil {
			err = s.stampEpoch(ctx, taken)
		}
		return err
	})
	if err != nil {
		return persistence.Lease{}, err
	}
	// What a lost owner has begun since cannot commit, but would hold us up.
	return taken, s.endTransactions(ctx, lost)
}

// formerApps are the other processes whose transactions may be in the way of who
// takes a chain, and those of them that are lost to it: the owner, unless it has given
// the chain up, and whoever was in the way of a take-over that came to no end.
func (s *Store) formerApps(before documents.Lease, lowestEpoch int64) (former, lost []string) {
	if before.Node != "" {
		lost = append(lost, before.App)
	}
	if unfinished := lowestEpoch < before.Epoch; unfinished {
		lost = append(lost, before.Former...)
	}
	others := func(apps []string) []string {
		slices.Sort(apps)
		return slices.DeleteFunc(slices.Compact(apps), func(app string) bool { return app == "" || app == s.app })
	}
	return others(append([]string{before.App}, lost...)), others(lost)
}

// raise gives a chain's lease to a node if it is still as it was: the server may see
// it twice, the second time when everybody has forgotten it.
func (s *Store) raise(ctx context.Context, before documents.Lease, node string, epoch int64, former []string) (taken persistence.Lease, err error) {
	unchanged, first := asSeen(before.Lease), before.Lease == persistence.Lease{Chain: before.Chain}
	if first {
		unchanged = append(byID(before.Chain), is("epoch", nil))
	}
	err = s.collection(persistence.Leases).FindOneAndUpdate(ctx, unchanged, bson.D{
		is("$set", bson.D{is("node", node), is("app", s.app), is("epoch", epoch), is("former", former)}),
		is("$setOnInsert", bson.D{is("claims", int64(0))}),
		stamp("takenAt"),
	}, options.FindOneAndUpdate().SetUpsert(first).SetReturnDocument(options.After)).Decode(&taken)
	if errors.Is(err, driver.ErrNoDocuments) || driver.IsDuplicateKeyError(err) {
		err = errTaken(before.Chain)
	}
	return taken, err
}

// stampEpoch stamps a lease's epoch into the documents of its chain's actors.
func (s *Store) stampEpoch(ctx context.Context, lease persistence.Lease) error {
	older := bson.D{is("chain", lease.Chain), is("epoch", bson.D{is("$lt", lease.Epoch)})}
	_, err := s.collection(persistence.Actors).UpdateMany(ctx, older, bson.D{is("$set", bson.D{is("epoch", lease.Epoch)})})
	return err
}

// pressing takes a step that waits for whoever is in its way. Suspects are in its way
// no longer than tolerance.
func (s *Store) pressing(ctx context.Context, step func() error) error {
	watching, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(watching, tolerance/4) == nil {
			_ = s.endSuspects(watching) // if it fails, the step does too
		}
	}()
	err := step()
	cancel()
	<-done
	return err
}

// lease is a chain's lease; the zero one if the chain was never taken.
func (s *Store) lease(ctx context.Context, chain string) (lease documents.Lease, err error) {
	err = s.collection(persistence.Leases).FindOne(ctx, byID(chain)).Decode(&lease)
	if errors.Is(err, driver.ErrNoDocuments) {
		err = nil
	}
	return lease, err
}

// epochs are the lowest and the highest epoch of a chain's actors. Without actors no
// epoch is above the lowest.
type epochs struct{ Lowest, Highest int64 }

func (s *Store) epochs(ctx context.Context, chain string) (epochs, error) {
	cursor, err := s.collection(persistence.Actors).Aggregate(ctx, driver.Pipeline{
		{is("$match", bson.D{is("chain", chain)})},
		{is("$group", bson.D{is("_id", nil), is("lowest", bson.D{is("$min", "$epoch")}), is("highest", bson.D{is("$max", "$epoch")})})},
	})
	if err != nil {
		return epochs{}, err
	}
	found := make([]epochs, 0, 1)
	if err := cursor.All(ctx, &found); err != nil || len(found) == 0 {
		return epochs{Lowest: math.MaxInt64}, err
	}
	return found[0], nil
}
