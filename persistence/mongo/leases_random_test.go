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

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// No acquisition takes long, whatever happens to the connections of others.
func TestOwnersAtRandom(t *testing.T) {
	t.Parallel()
	r := newRivals(t, mongotest.Database(t))
	for _, p := range r.all {
		r.running.Go(func() {
			for r.ctx.Err() == nil {
				p.fault()
			}
		})
	}
	r.run(t, 5)
	if r.longest > briefly {
		t.Errorf("an acquisition took %v", r.longest)
	}
}

// The invariants hold whatever happens to the server.
func TestOwnersAtRandomThroughFaultsOfServer(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	server := mongotest.Start(t)
	r := newRivals(t, database(t, server))
	r.running.Go(func() {
		for r.ctx.Err() == nil {
			r.sleep(2 * time.Second)
			switch rand.N(3) {
			case 0:
				server.StepDown(t.Context(), 1)
			case 1:
				server.Pause()
				r.sleep(2 * hurry)
				server.Resume()
			case 2:
				server.Kill()
				server.Restart()
			}
			_, _, _ = r.store.Members(t.Context()) // once the server is primary again
		}
	})
	r.run(t, 10)
}

// rivals are processes that acquire chains from each other, release them and commit to
// them at random: every epoch has one owner, epochs rise, and an owner's commits are
// those between its acquisition and the next.
type rivals struct {
	store   *mongo.Store // of the same database, on its own connection
	chains  []string
	all     []*rival
	ctx     context.Context // until they end
	stop    context.CancelFunc
	running sync.WaitGroup

	mu                           sync.Mutex
	owners                       map[string]string // of "chain epoch", the owner
	takes, lost, commits, fenced int
	longest                      time.Duration // longest acquisition on a connection without faults
}

func newRivals(t *testing.T, uri string) *rivals {
	t.Helper()
	r := &rivals{store: openAt(t, uri), chains: []string{"ethereum", "aptos"}, owners: map[string]string{}}
	r.ctx, r.stop = context.WithCancel(t.Context())
	t.Cleanup(r.stop)
	for i := range 4 {
		behind, proxy := through(t, uri, hurry)
		r.all = append(r.all, &rival{rivals: r, name: fmt.Sprint("node-", i), store: openAt(t, behind), proxy: proxy})
	}
	return r
}

// run runs the rivals for some seconds and checks the documents.
func (r *rivals) run(t *testing.T, seconds int) {
	t.Helper()
	for _, p := range r.all {
		for range 2 { // even two of one process may acquire a chain concurrently
			r.running.Go(func() {
				for r.ctx.Err() == nil {
					if err := p.act(); err != nil {
						t.Error(err)
						r.stop()
					}
				}
			})
		}
	}
	r.pass(time.Duration(rounds(t, seconds)) * time.Second)
	for limit := time.Now().Add(time.Minute); !r.eventful() && time.Now().Before(limit) && r.ctx.Err() == nil; {
		r.pass(50 * time.Millisecond)
	}
	r.stop()
	r.running.Wait()
	for _, name := range r.chains {
		// An acquisition of a client that has given up may still come first.
		if _, err := r.store.TakeOver(t.Context(), name, "last"); err != nil { // fences late commits
			t.Error(err)
		}
		r.assertLog(t, name)
	}
	t.Logf("%d acquisitions, the longest on an intact connection %v; %d refused; %d commits; %d owners fenced", r.takes, r.longest, r.lost, r.commits, r.fenced)
	if !r.eventful() {
		t.Error("too few events")
	}
}

// eventful says whether enough has happened for the test to be conclusive.
func (r *rivals) eventful() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.takes >= 5 && r.commits >= 5 && r.fenced > 0
}

// sleep waits for a random time.
func (r *rivals) sleep(most time.Duration) { r.pass(rand.N(most)) }

func (r *rivals) pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.ctx.Done():
	}
}

type rival struct {
	*rivals
	name  string
	store *mongo.Store
	proxy *mongotest.Proxy

	mu   sync.Mutex
	bad  time.Time // the end of the last fault of its connection
	many int       // committers started
}

// fault impairs the connection for some time, and leaves it intact for longer.
func (p *rival) fault() {
	p.sleep(2 * time.Second)
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
	p.sleep(3 * hurry / 2)
	if rand.N(2) == 0 {
		p.proxy.Cut()
	} else {
		p.proxy.Pass()
	}
	p.mu.Lock()
	p.bad = time.Now()
	p.mu.Unlock()
}

// act acquires a chain from any owner, commits to it for some time and releases or
// abandons it. It returns an error when an invariant is violated.
func (p *rival) act() error {
	name := p.chains[rand.N(len(p.chains))]
	_, leases, err := p.store.Members(p.ctx)
	if err != nil {
		return nil
	}
	seen := persistence.Lease{Chain: name}
	for _, l := range leases {
		if l.Chain == name {
			seen = l
		}
	}
	p.sleep(200 * time.Millisecond)
	p.mu.Lock()
	p.many++
	node := fmt.Sprint(p.name, "/", p.many)
	p.mu.Unlock()
	started := time.Now()
	lease, err := p.store.Acquire(p.ctx, seen, node)
	if p.taken(time.Since(started), started, err); err != nil {
		return nil // refused, or its outcome will be seen later
	}
	if err := p.owns(lease, seen, node); err != nil {
		return err
	}
	c := &committer{store: p.store, chain: name, market: "at random", node: fmt.Sprint(lease.Epoch, "@", node), epoch: lease.Epoch}
	p.commit(c)
	if rand.N(2) == 0 {
		_ = p.store.Release(p.ctx, lease) // if this fails, the next owner acquires the chain anyway
	}
	return nil
}

// taken counts an acquisition.
func (p *rival) taken(lasted time.Duration, started time.Time, err error) {
	p.mu.Lock()
	good := started.After(p.bad)
	p.mu.Unlock()
	p.rivals.mu.Lock()
	defer p.rivals.mu.Unlock()
	switch {
	case err == nil:
		p.takes++
	case errors.Is(err, persistence.ErrLeaseChanged):
		p.lost++
	}
	if good {
		p.longest = max(p.longest, lasted)
	}
}

// owns records the owner of an epoch.
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

// commit commits for some time, until it is fenced.
func (p *rival) commit(c *committer) {
	until := time.Now().Add(rand.N(500 * time.Millisecond))
	actor, err := c.claim(p.ctx)
	for n := 0; err == nil && time.Now().Before(until); n++ {
		if err = c.commit(p.ctx, &actor); err == nil {
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

// assertLog checks the log of a chain: it is complete, its epochs never fall, and each
// epoch is its owner's.
func (r *rivals) assertLog(t *testing.T, chain string) {
	t.Helper()
	log := readBy[markets.Activity](t, r.store, persistence.Activities, "chain", chain)
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
	for _, a := range readBy[persistence.Actor](t, r.store, persistence.Actors, "chain", chain) {
		if a.Seq != seq || a.Events != seq*perCommit {
			t.Errorf("%s: the log ends at seq %d, the actor is at %d with %d events", chain, seq, a.Seq, a.Events)
		}
	}
}
