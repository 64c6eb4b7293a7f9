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

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// TakeOver implements persistence.Store.
func (s *Store) TakeOver(ctx context.Context, chain, node string) (epoch int64, err error) {
	err = s.work(func() error {
		for {
			before, err := s.lease(ctx, chain)
			if err != nil {
				return err
			}
			before.Chain = chain
			acquired, err := s.acquire(ctx, before, node)
			if !errors.Is(err, persistence.ErrLeaseChanged) { // otherwise another process was faster
				epoch = acquired.Epoch
				return err
			}
		}
	})
	return epoch, err
}

// Acquire implements persistence.Registry.
func (s *Store) Acquire(ctx context.Context, seen persistence.Lease, node string) (acquired persistence.Lease, err error) {
	err = s.work(func() error {
		before, err := s.lease(ctx, seen.Chain)
		if err != nil {
			return err
		}
		if before.Node != seen.Node || before.Epoch != seen.Epoch {
			return errLeaseChanged(seen.Chain)
		}
		before.Chain = seen.Chain
		acquired, err = s.acquire(ctx, before, node)
		return err
	})
	return acquired, err
}

func errLeaseChanged(chain string) error {
	return ownError{fmt.Errorf("%s: %w", chain, persistence.ErrLeaseChanged)}
}

// Release implements persistence.Registry.
func (s *Store) Release(ctx context.Context, owned persistence.Lease) error {
	return s.work(func() error {
		_, err := s.collection(persistence.Leases).UpdateOne(ctx, asSeen(owned), bson.D{is("$set", bson.D{is("node", "")})})
		return err
	})
}

// asSeen matches a lease that has not changed since it was read: no two owners have the
// same epoch.
func asSeen(lease persistence.Lease) bson.D {
	return append(byID(lease.Chain), is("node", lease.Node), is("epoch", lease.Epoch))
}

// acquire raises the lease's epoch, and then stamps the epoch into the actors'
// documents. Each step waits for conflicting transactions. One transaction around both
// steps would restart whenever the previous owner commits, and might never finish; and
// no process acts on the epoch before both steps are done. If they are not completed,
// the next take-over stamps a higher epoch.
func (s *Store) acquire(ctx context.Context, before documents.Lease, node string) (persistence.Lease, error) {
	epochs, err := s.epochs(ctx, before.Chain)
	if err != nil {
		return persistence.Lease{}, err
	}
	previous, lost := s.previousApps(before, epochs.Lowest)
	for _, app := range previous {
		s.suspects.addApp(app)
	}
	if err := errors.Join(s.endTransactions(ctx, lost), s.endSuspects(ctx)); err != nil {
		return persistence.Lease{}, err
	}
	var acquired persistence.Lease
	err = s.endingSuspects(ctx, func() (err error) {
		if acquired, err = s.raise(ctx, before, node, max(before.Epoch, epochs.Highest)+1, previous); err == nil {
			err = s.stampEpoch(ctx, acquired)
		}
		return err
	})
	if err != nil {
		return persistence.Lease{}, err
	}
	// A transaction that a lost owner has started since then cannot commit, but would
	// block this process.
	return acquired, s.endTransactions(ctx, lost)
}

// previousApps returns the other processes whose transactions may block the process that
// acquires a chain, and those among them that no longer own the chain: its previous
// owner, unless it released the chain, and the processes recorded by a take-over that
// was not completed.
func (s *Store) previousApps(before documents.Lease, lowestEpoch int64) (previous, lost []string) {
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

// raise gives a chain's lease to a node if the lease is unchanged: the server may
// receive the update twice, the second time long after the node released the chain.
func (s *Store) raise(ctx context.Context, before documents.Lease, node string, epoch int64, previous []string) (raised persistence.Lease, err error) {
	unchanged, first := asSeen(before.Lease), before.Lease == persistence.Lease{Chain: before.Chain}
	if first {
		unchanged = append(byID(before.Chain), is("epoch", nil))
	}
	err = s.collection(persistence.Leases).FindOneAndUpdate(ctx, unchanged, bson.D{
		is("$set", bson.D{is("node", node), is("app", s.app), is("epoch", epoch), is("former", previous)}),
		is("$setOnInsert", bson.D{is("claims", int64(0))}),
		stamp("takenAt"),
	}, options.FindOneAndUpdate().SetUpsert(first).SetReturnDocument(options.After)).Decode(&raised)
	if errors.Is(err, driver.ErrNoDocuments) || driver.IsDuplicateKeyError(err) {
		err = errLeaseChanged(before.Chain)
	}
	return raised, err
}

func (s *Store) stampEpoch(ctx context.Context, lease persistence.Lease) error {
	older := bson.D{is("chain", lease.Chain), is("epoch", bson.D{is("$lt", lease.Epoch)})}
	_, err := s.collection(persistence.Actors).UpdateMany(ctx, older, bson.D{is("$set", bson.D{is("epoch", lease.Epoch)})})
	return err
}

// endingSuspects runs a step that waits for conflicting transactions, and meanwhile
// aborts suspects' transactions that are open for longer than tolerance.
func (s *Store) endingSuspects(ctx context.Context, step func() error) error {
	watching, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for backoff.Sleep(watching, s.tolerance/4) == nil {
			_ = s.endSuspects(watching) // if this fails, the step fails too
		}
	}()
	err := step()
	cancel()
	<-done
	return err
}

// lease returns a chain's lease; the zero Lease if the chain never had an owner.
func (s *Store) lease(ctx context.Context, chain string) (lease documents.Lease, err error) {
	err = s.collection(persistence.Leases).FindOne(ctx, byID(chain)).Decode(&lease)
	if errors.Is(err, driver.ErrNoDocuments) {
		err = nil
	}
	return lease, err
}

// epochs are the lowest and the highest epoch of a chain's actors. Without actors,
// Lowest is the largest int64.
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
