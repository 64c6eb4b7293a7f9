package mongo_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/mongo/mongotest"
)

// briefly bounds a take that has to end somebody's transaction: the server's own
// limit is a minute.
const briefly = 10 * time.Second

// leaseOf is a chain's lease; the zero one with its name if there is none.
func leaseOf(t *testing.T, store *mongo.Store, chain string) persistence.Lease {
	t.Helper()
	_, leases, err := store.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leases {
		if l.Chain == chain {
			return l
		}
	}
	return persistence.Lease{Chain: chain}
}

// take makes a node the owner of the chain, as its lease now is, within a short time.
func take(t *testing.T, store *mongo.Store, node string) persistence.Lease {
	t.Helper()
	seen, begun := leaseOf(t, store, chain), time.Now()
	taken, err := store.Take(t.Context(), seen, node)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > briefly {
		t.Errorf("the take took %v", took)
	}
	if taken.Chain != chain || taken.Node != node || taken.Epoch <= seen.Epoch || taken.TakenAt.Before(seen.TakenAt) {
		t.Errorf("%s has taken %+v, seen was %+v", node, taken, seen)
	}
	if l := leaseOf(t, store, chain); l != taken {
		t.Errorf("%s has taken %+v, there is %+v", node, taken, l)
	}
	return taken
}

func release(t *testing.T, store *mongo.Store, held persistence.Lease) {
	t.Helper()
	if err := store.Release(t.Context(), held); err != nil {
		t.Fatal(err)
	}
}

// owner is a committer at the epoch of a lease, which has claimed its actor.
func owner(t *testing.T, store *mongo.Store, lease persistence.Lease) (*committer, persistence.Actor) {
	t.Helper()
	c := &committer{store: store, market: disputed, node: lease.Node, epoch: lease.Epoch}
	actor, err := c.claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.began = actor.Seq
	return c, actor
}

// A lease is taken as it was seen, and in no other case.
func TestTakeIsConditional(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	a, b := openAt(t, uri), openAt(t, uri)
	none := persistence.Lease{Chain: chain}
	refused := func(seen persistence.Lease) {
		t.Helper()
		before := leaseOf(t, b, chain)
		if taken, err := b.Take(t.Context(), seen, "b"); !errors.Is(err, persistence.ErrTaken) {
			t.Errorf("seen as %+v it is taken: %+v, %v", seen, taken, err)
		}
		if after := leaseOf(t, b, chain); after != before {
			t.Errorf("then it is %+v", after)
		}
	}
	refused(persistence.Lease{Chain: chain, Node: "a", Epoch: 1})
	refused(persistence.Lease{Chain: chain, Epoch: 1})
	first := take(t, a, "a")
	if first.Epoch != 1 {
		t.Errorf("the first epoch is %d", first.Epoch)
	}
	for _, seen := range []persistence.Lease{
		none, {Chain: chain, Node: "b", Epoch: 1}, {Chain: chain, Epoch: 1}, {Chain: chain, Node: "a"}, {Chain: chain, Node: "a", Epoch: 2},
	} {
		refused(seen)
	}
	release(t, a, first)
	refused(first)
	refused(none)
	second := take(t, b, "b")
	refused(persistence.Lease{Chain: chain, Epoch: 1})
	release(t, a, first) // late
	release(t, a, persistence.Lease{Chain: chain, Node: "b", Epoch: 1})
	release(t, a, persistence.Lease{Chain: chain, Node: "a", Epoch: 2})
	if l := leaseOf(t, a, chain); l != second {
		t.Errorf("a late release makes it %+v", l)
	}
	for range 2 {
		release(t, b, second)
		if l := leaseOf(t, a, chain); l.Node != "" || l.Epoch != 2 || l.TakenAt != second.TakenAt {
			t.Errorf("released, it is %+v", l)
		}
	}
}

// Of several who take a lease as they all have seen it, one gets it.
func TestTakeAtOnce(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	stores := []*mongo.Store{openAt(t, uri), openAt(t, uri)}
	for round := range int64(20) {
		seen := leaseOf(t, stores[0], chain)
		var all sync.WaitGroup
		leases, errs := make([]persistence.Lease, 4), make([]error, 4)
		for i := range leases {
			all.Go(func() { leases[i], errs[i] = stores[i%2].Take(t.Context(), seen, fmt.Sprint("node-", i%2)) })
		}
		all.Wait()
		var won int
		for i, err := range errs {
			if err == nil {
				won++
				if l := leaseOf(t, stores[0], chain); l != leases[i] || l.Epoch != round+1 {
					t.Errorf("%+v was taken, there is %+v", leases[i], l)
				}
			} else if !errors.Is(err, persistence.ErrTaken) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d have taken %+v", won, seen)
		}
	}
}

// Epochs are above those of the actors, whatever has become of the lease; from a
// take on nothing of an earlier owner lands.
func TestTakeStampsTheActors(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	a, b := openAt(t, uri), openAt(t, uri)
	first, actor := owner(t, a, take(t, a, "a"))
	first.commits(t, &actor, 2)
	other := persistence.Claim{ID: "aptos/x", Kind: "observer", Chain: "aptos", Market: "x", Node: "a", Epoch: 1}
	if _, err := a.Claim(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	second := take(t, b, "b")
	if stamped := read[persistence.Actor](t, b, persistence.Actors, disputed)[0].Epoch; stamped != second.Epoch {
		t.Errorf("the actor's epoch is %d, the lease's %d", stamped, second.Epoch)
	}
	if unconcerned := read[persistence.Actor](t, b, persistence.Actors, "x")[0].Epoch; unconcerned != 1 {
		t.Errorf("another chain's actor has the epoch %d", unconcerned)
	}
	if err := first.commit(t.Context(), &actor); !errors.Is(err, persistence.ErrFenced) {
		t.Errorf("a commit of the earlier owner: %v", err)
	}
	if _, err := first.claim(t.Context()); !errors.Is(err, persistence.ErrFenced) {
		t.Errorf("a claim of the earlier owner: %v", err)
	}
	if _, err := admin(t, uri).Collection("leases").DeleteOne(t.Context(), map[string]string{"_id": chain}); err != nil {
		t.Fatal(err)
	}
	if third := take(t, a, "a"); third.Epoch != second.Epoch+1 {
		t.Errorf("without a lease, epoch %d follows %d", third.Epoch, second.Epoch)
	}
	if epoch, err := b.TakeOver(t.Context(), chain, "b"); err != nil || epoch != second.Epoch+2 {
		t.Errorf("taken over at epoch %d, %v", epoch, err)
	}
}
