package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// briefly bounds an acquisition that has to abort another process's transaction: the
// server's own limit is a minute.
const briefly = 10 * time.Second

// promptly bounds an acquisition that must not wait for the store's tolerance, which is set
// to patient: even on a loaded machine the two are easily told apart.
const (
	promptly = 30 * time.Second
	patient  = 2 * promptly
)

// openPatient opens a store whose tolerance is patient.
func openPatient(t *testing.T, uri string) *mongo.Store {
	t.Helper()
	store := openAt(t, uri)
	store.Tolerate(patient)
	return store
}

// leaseOf returns a chain's lease; if there is none, the zero Lease with the chain's
// name.
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

// take makes a node the owner of the chain, by the current lease, within briefly.
func take(t *testing.T, store *mongo.Store, node string) persistence.Lease {
	t.Helper()
	seen, started := leaseOf(t, store, chain), time.Now()
	taken, err := store.Acquire(t.Context(), seen, node)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(started); took > briefly {
		t.Errorf("the acquisition took %v", took)
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

// owner returns a committer at a lease's epoch, which has claimed its actor.
func owner(t *testing.T, store *mongo.Store, lease persistence.Lease) (*committer, persistence.Actor) {
	t.Helper()
	c := &committer{store: store, market: disputed, node: lease.Node, epoch: lease.Epoch}
	actor, err := c.claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.claimedAt = actor.Seq
	return c, actor
}

// Of several processes that acquire the same lease concurrently, one succeeds.
func TestAcquireAtOnce(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	stores := []*mongo.Store{openAt(t, uri), openAt(t, uri)}
	for round := range int64(20) {
		seen := leaseOf(t, stores[0], chain)
		var all sync.WaitGroup
		leases, errs := make([]persistence.Lease, 4), make([]error, 4)
		for i := range leases {
			all.Go(func() { leases[i], errs[i] = stores[i%2].Acquire(t.Context(), seen, fmt.Sprint("node-", i%2)) })
		}
		all.Wait()
		var won int
		for i, err := range errs {
			if err == nil {
				won++
				if l := leaseOf(t, stores[0], chain); l != leases[i] || l.Epoch != round+1 {
					t.Errorf("%+v was taken, there is %+v", leases[i], l)
				}
			} else if !errors.Is(err, persistence.ErrLeaseChanged) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d have taken %+v", won, seen)
		}
	}
}

// Epochs are above those of the actors, whatever happened to the lease; after an
// acquisition no commit of an earlier owner succeeds.
func TestAcquireStampsTheActors(t *testing.T) {
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

// hang makes a committer hang in its next commit until letGo is called, and returns once
// it hangs. ended receives the result of the commit.
func (c *committer) hang(t *testing.T, actor *persistence.Actor) (letGo func(), ended <-chan error) {
	t.Helper()
	hanging, free, end := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var hangs, let sync.Once
	c.between = func() {
		hangs.Do(func() { close(hanging) })
		<-free
	}
	go func() { end <- c.commit(context.WithoutCancel(t.Context()), actor) }()
	<-hanging
	letGo = func() { let.Do(func() { close(free) }) }
	t.Cleanup(letGo)
	return letGo, end
}

// through returns a database's URI that leads through a proxy, with the client's timeout.
func through(t *testing.T, uri string, timeout time.Duration) (string, *mongotest.Proxy) {
	t.Helper()
	host := options.Client().ApplyURI(uri).Hosts[0]
	proxy := mongotest.NewProxy(t, host)
	return fmt.Sprintf("%s&directConnection=true&timeoutMS=%d", strings.Replace(uri, host, proxy.Addr(), 1), timeout.Milliseconds()), proxy
}

// stuck returns a lease whose owner has become unreachable with an open transaction that
// has moved its actor.
func stuck(t *testing.T, uri, node string) (*mongotest.Proxy, persistence.Lease) {
	t.Helper()
	behind, proxy := through(t, uri, time.Minute)
	store := openAt(t, behind)
	lease := take(t, store, node)
	c, actor := owner(t, store, lease)
	c.commits(t, &actor, 1)
	held, ended := proxy.HoleBefore("commitTransaction"), make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.commit(context.WithoutCancel(t.Context()), &actor)
	}()
	<-held
	t.Cleanup(func() {
		proxy.Cut()
		<-ended
	})
	return proxy, lease
}

// succeeds acquires the chain by its current lease and commits, within a time.
func succeeds(t *testing.T, store *mongo.Store, node string, within time.Duration) {
	t.Helper()
	started := time.Now()
	c, actor := owner(t, store, take(t, store, node))
	c.commits(t, &actor, 2)
	if took := time.Since(started); took > within {
		t.Errorf("it took %v until %s commits", took, node)
	}
	if at := whole(t, store, disputed); at != 3 {
		t.Errorf("the actor is at %d", at)
	}
}

// A transaction of an owner that is lost does not block others.
func TestAcquireFromAStuckOwner(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	stuck(t, uri, "a")
	succeeds(t, openPatient(t, uri), "b", promptly)
}

// A transaction of an owner that released the chain does not block others for long.
func TestAcquireFromAStuckOwnerThatGaveItUp(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	uri := mongotest.Database(t)
	store := openAt(t, uri)
	_, lease := stuck(t, uri, "a")
	release(t, store, lease)
	succeeds(t, store, "b", briefly)
}

// An acquisition that is not completed is repaired by the next one, immediately: the
// next one is blocked by all processes that blocked the first.
func TestAcquireThatComesToNoEnd(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	for _, given := range []bool{false, true} {
		t.Run(fmt.Sprint("given up ", given), func(t *testing.T) {
			t.Parallel()
			uri := mongotest.Database(t)
			store := openPatient(t, uri)
			_, lease := stuck(t, uri, "a")
			release(t, store, lease)

			behind, proxy := through(t, uri, 5*time.Second)
			second := openAt(t, behind)
			held := proxy.HoleBefore("multi") // stamping the epoch
			if taken, err := second.Acquire(t.Context(), leaseOf(t, store, chain), "b"); err == nil {
				t.Fatalf("without an answer it has acquired %+v", taken)
			}
			select {
			case <-held:
			default:
				t.Fatal("it has failed before it stamped the epoch")
			}
			half := leaseOf(t, store, chain)
			if half.Node != "b" || half.Epoch != lease.Epoch+1 {
				t.Fatalf("it has left %+v", half)
			}
			if given {
				release(t, store, half)
			}
			succeeds(t, store, "c", promptly)
			proxy.Cut()
		})
	}
}

// A late acquisition finds another owner, and so has no effect, whichever of its
// statements is late.
func TestAcquireThatIsLate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		statement string
		want      error
	}{
		{"findAndModify", persistence.ErrLeaseChanged}, // raises the epoch
		{"multi", nil}, // stamps the epoch: it was the owner for some time
	} {
		t.Run(test.statement, func(t *testing.T) {
			t.Parallel()
			uri := mongotest.Database(t)
			store := openAt(t, uri)
			behind, proxy := through(t, uri, time.Minute)
			late := openAt(t, behind)
			first := take(t, store, "a")
			owner(t, store, first)
			release(t, store, first)
			seen := leaseOf(t, store, chain)
			held, ended := proxy.Hold(test.statement), make(chan error, 1)
			go func() {
				_, err := late.Acquire(t.Context(), seen, "late")
				ended <- err
			}()
			<-held
			second := take(t, store, "b")
			proxy.Pass()
			if err := <-ended; !errors.Is(err, test.want) {
				t.Errorf("it ends with %v", err)
			}
			if l := leaseOf(t, store, chain); l != second {
				t.Errorf("it has made %+v of %+v", l, second)
			}
			if epoch := read[persistence.Actor](t, store, persistence.Actors, disputed)[0].Epoch; epoch != second.Epoch {
				t.Errorf("it has stamped %d over %d", epoch, second.Epoch)
			}
		})
	}
}

// Acquiring a chain from a running process does not abort that process's transactions on
// other chains, and never those of the acquiring process; those of a lost process are
// all aborted.
func TestAcquireLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		release   bool // the owner releases the chain
		own       bool // the acquiring process is the owner's
		between   bool // another process has owned the chain in between
		untouched bool
	}{
		{"given up", true, false, false, true},
		{"given up twice", true, false, true, true},
		{"lost", false, false, false, false},
		{"lost by its own process", false, true, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			uri := mongotest.Database(t)
			first := openAt(t, uri)
			second := first
			if !test.own {
				second = openPatient(t, uri)
			}
			elsewhere := &committer{store: first, chain: "aptos", market: "elsewhere", node: "a"}
			actor, err := elsewhere.claim(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			lease := take(t, first, "a")
			if test.release {
				release(t, first, lease)
			}
			if test.between {
				third := openAt(t, uri)
				release(t, third, take(t, third, "c"))
			}
			letGo, ended := elsewhere.hang(t, &actor)
			take(t, second, "b")
			letGo()
			if err := <-ended; err != nil {
				t.Errorf("a commit of another chain: %v", err)
			}
			if untouched := elsewhere.runs == 1; untouched != test.untouched {
				t.Errorf("a commit of another chain ran %d times", elsewhere.runs)
			}
		})
	}
}
