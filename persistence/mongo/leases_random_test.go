package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/mongo/mongotest"
)

// Several processes take, give up and commit to few chains at random, with faults on
// their ways to the server: every epoch has one owner, epochs rise, an owner's commits
// are those between its take and the next, and no take lasts long unless its own way
// is bad.
func TestOwnersAtRandom(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	r := &rivals{chains: []string{"ethereum", "aptos"}, owners: map[string]string{}}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 4 {
		behind, proxy := through(t, uri)
		p := &rival{rivals: r, name: fmt.Sprint("node-", i), store: openAt(t, behind), proxy: proxy}
		all.Go(func() {
			for ctx.Err() == nil {
				p.fault(ctx)
			}
		})
		for range 2 { // of one process, too, two may take a chain at once
			all.Go(func() {
				for ctx.Err() == nil {
					if err := p.act(ctx); err != nil {
						t.Error(err)
						stop()
					}
				}
			})
		}
	}
	enough := time.AfterFunc(time.Duration(rounds(t, 5))*time.Second, stop)
	defer enough.Stop()
	all.Wait()
	stop()

	store := openAt(t, uri)
	for _, name := range r.chains {
		r.assertLog(t, store, name)
		seen := leaseOf(t, store, name)
		if _, err := store.Take(t.Context(), seen, "last"); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d takes, the longest on a good way %v; %d lost; %d commits; %d fenced", r.takes, r.longest, r.lost, r.commits, r.fenced)
	if r.takes < 5 || r.commits < 5 || r.fenced == 0 {
		t.Error("too little has happened")
	}
	if r.longest > briefly {
		t.Errorf("a take has lasted %v", r.longest)
	}
}

// rivals are processes that take chains from each other.
type rivals struct {
	chains []string

	mu                           sync.Mutex
	owners                       map[string]string // of "chain epoch", who has taken it
	takes, lost, commits, fenced int
	longest                      time.Duration
}

type rival struct {
	*rivals
	name  string
	store *mongo.Store
	proxy *mongotest.Proxy

	mu   sync.Mutex
	bad  time.Time // until when its way to the server has been bad
	many int       // what it has begun
}

// fault hurts the way to the server for a while, and leaves it alone for longer.
func (p *rival) fault(ctx context.Context) {
	_ = sleepFor(ctx, 2*time.Second)
	p.mu.Lock()
	p.bad = time.Now().Add(time.Hour)
	p.mu.Unlock()
	switch rand.N(6) {
	case 0:
		p.proxy.Cut()
	case 1:
		p.proxy.Refuse()
	case 2:
		p.proxy.Hole()
	case 3:
		p.proxy.HoleBefore([]string{"findAndModify", "multi", "commitTransaction"}[rand.N(3)])
	case 4:
		p.proxy.HoleAfter([]string{"findAndModify", "multi", "commitTransaction"}[rand.N(3)])
	case 5:
		p.proxy.Hold([]string{"findAndModify", "multi", "commitTransaction", "startTransaction"}[rand.N(4)])
	}
	_ = sleepFor(ctx, 3*hurry/2)
	if rand.N(2) == 0 {
		p.proxy.Cut()
	} else {
		p.proxy.Pass()
	}
	p.mu.Lock()
	p.bad = time.Now()
	p.mu.Unlock()
}

func sleepFor(ctx context.Context, most time.Duration) error {
	select {
	case <-time.After(rand.N(most)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// act takes a chain, whoever has it, commits to it for a while and gives it up or
// forgets it. It returns an error when a rule is broken.
func (p *rival) act(ctx context.Context) error {
	name := p.chains[rand.N(len(p.chains))]
	_, leases, err := p.store.Members(ctx)
	if err != nil {
		return nil
	}
	seen := persistence.Lease{Chain: name}
	for _, l := range leases {
		if l.Chain == name {
			seen = l
		}
	}
	_ = sleepFor(ctx, 200*time.Millisecond)
	p.mu.Lock()
	p.many++
	node := fmt.Sprint(p.name, "/", p.many)
	p.mu.Unlock()
	begun := time.Now()
	lease, err := p.store.Take(ctx, seen, node)
	if p.taken(time.Since(begun), begun, err); err != nil {
		return nil // refused, or it will be seen whose it is
	}
	if err := p.owns(lease, seen, node); err != nil {
		return err
	}
	c := &committer{store: p.store, chain: name, market: "at random", node: fmt.Sprint(lease.Epoch, "@", node), epoch: lease.Epoch}
	p.commit(ctx, c)
	if rand.N(2) == 0 {
		_ = p.store.Release(ctx, lease) // if it fails, the next one takes it all the same
	}
	return nil
}

// taken counts a take.
func (p *rival) taken(lasted time.Duration, begun time.Time, err error) {
	p.mu.Lock()
	good := begun.After(p.bad)
	p.mu.Unlock()
	p.rivals.mu.Lock()
	defer p.rivals.mu.Unlock()
	switch {
	case err == nil:
		p.takes++
	case errors.Is(err, persistence.ErrTaken):
		p.lost++
	}
	if good {
		p.longest = max(p.longest, lasted)
	}
}

// owns notes the owner of an epoch.
func (p *rival) owns(lease, seen persistence.Lease, node string) error {
	p.rivals.mu.Lock()
	defer p.rivals.mu.Unlock()
	key := fmt.Sprint(lease.Chain, " ", lease.Epoch)
	if other := p.owners[key]; other != "" || lease.Epoch <= seen.Epoch || lease.Node != node {
		return fmt.Errorf("%s has taken %+v from %+v; the epoch's owner is %q", node, lease, seen, other)
	}
	p.owners[key] = fmt.Sprint(lease.Epoch, "@", node)
	return nil
}

// commit commits for a while, as long as it may.
func (p *rival) commit(ctx context.Context, c *committer) {
	until := time.Now().Add(rand.N(500 * time.Millisecond))
	actor, err := c.claim(ctx)
	for n := 0; err == nil && time.Now().Before(until); n++ {
		if err = c.commit(ctx, &actor); err == nil {
			p.rivals.mu.Lock()
			p.commits++
			p.rivals.mu.Unlock()
		}
	}
	if errors.Is(err, persistence.ErrFenced) {
		p.rivals.mu.Lock()
		p.fenced++
		p.rivals.mu.Unlock()
	}
}

// assertLog checks the log of a chain: whole, its epochs never fall, and each is of
// its owner.
func (r *rivals) assertLog(t *testing.T, store *mongo.Store, chain string) {
	t.Helper()
	log := readBy[markets.Activity](t, store, persistence.Activities, "chain", chain)
	slices.SortFunc(log, func(a, b markets.Activity) int { return int(a.Seq - b.Seq) })
	var epoch, seq int64
	for i, a := range log {
		var e int64
		owner := a.Block[:strings.LastIndexByte(a.Block, '.')]
		if _, err := fmt.Sscanf(owner, "%d@", &e); err != nil {
			t.Fatal(err)
		}
		if known := r.owners[fmt.Sprint(chain, " ", e)]; known != owner {
			t.Errorf("%s at seq %d is of %s; the epoch's owner is %q", chain, a.Seq, owner, known)
		}
		if e < epoch || a.Seq != int64(i/perCommit)+1 {
			t.Errorf("%s: epoch %d at seq %d after epoch %d at seq %d", chain, e, a.Seq, epoch, seq)
		}
		epoch, seq = e, a.Seq
	}
	for _, a := range readBy[persistence.Actor](t, store, persistence.Actors, "chain", chain) {
		if a.Seq != seq || a.Events != seq*perCommit {
			t.Errorf("%s: the log ends at seq %d, the actor stands at %d with %d events", chain, seq, a.Seq, a.Events)
		}
	}
}
