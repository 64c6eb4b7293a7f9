package mongo_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

const (
	chain = "ethereum"
	// perCommit is how many orders and activities a commit of these tests writes.
	perCommit = 5
	// perClaim is the number of commits after which an actor claims its document again,
	// as after a restart.
	perClaim = 20
	// soon bounds operations that take seconds, with a margin for loaded machines.
	soon = 40 * time.Second
)

// rounds returns how often a test repeats its random actions.
func rounds(t *testing.T, ordinary int) int {
	t.Helper()
	asked := os.Getenv("EVENT_WORKER_TEST_ROUNDS")
	if asked == "" {
		return ordinary
	}
	n, err := strconv.Atoi(asked)
	if err != nil {
		t.Fatalf("EVENT_WORKER_TEST_ROUNDS: %v", err)
	}
	return n
}

// openAt opens the store of a URI for a test.
func openAt(t *testing.T, uri string) *mongo.Store {
	t.Helper()
	store, err := mongo.Open(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // its server may be down
	return store
}

// committer is an actor that commits one seq after the other to its own market.
type committer struct {
	store  persistence.Store
	chain  string // chain if empty
	market string
	node   string
	epoch  int64
	// between, if set, is called in the middle of every run of a commit.
	between func()

	acknowledged atomic.Int64 // the last acknowledged seq
	runs         int64        // runs of commits, to distinguish what they write
	claimedAt    int64        // the seq at the first claim
}

func (c *committer) ref() persistence.MarketRef {
	return persistence.MarketRef{Chain: cmp.Or(c.chain, chain), Market: c.market}
}

func (c *committer) claim(ctx context.Context) (persistence.Actor, error) {
	return c.store.Claim(ctx, persistence.Claim{
		ID: c.ref().Chain + "/" + c.market + "/list/order-list", Kind: "observer", Chain: c.ref().Chain, Market: c.market, Stream: "list",
		Node: c.node, Documents: true, Epoch: c.epoch,
	})
}

// run commits until the context is done or another process has the actor. After any
// other error it continues from the position of the actor's document, as actors do.
func (c *committer) run(ctx context.Context) error {
	for {
		err := c.claimAndCommit(ctx)
		switch {
		case errors.Is(err, persistence.ErrFenced), errors.Is(err, errLost):
			return fmt.Errorf("%s/%s by %s: %w", c.ref().Chain, c.market, c.node, err)
		case ctx.Err() != nil:
			return nil
		}
	}
}

var errLost = errors.New("the actor is at a wrong position")

// claimAndCommit claims the actor's document and commits for some time.
func (c *committer) claimAndCommit(ctx context.Context) error {
	actor, err := c.claim(ctx)
	if err != nil {
		return err
	}
	if err := c.resume(actor.Seq); err != nil {
		return err
	}
	for range perClaim {
		if err := c.commit(ctx, &actor); err != nil {
			return err
		}
	}
	return nil
}

// resume checks the actor's position: not before any acknowledged commit and at most one
// commit of unknown outcome further, whose outcome is then known.
func (c *committer) resume(at int64) error {
	if c.runs == 0 {
		c.claimedAt = at
	} else if last := c.acknowledged.Load(); at != last && at != last+1 {
		return fmt.Errorf("%w: at %d after commit %d was acknowledged", errLost, at, last)
	}
	c.acknowledged.Store(at)
	return nil
}

func (c *committer) commit(ctx context.Context, actor *persistence.Actor) error {
	to := markets.Place{Seq: actor.Seq + 1}
	move := persistence.Move{Actor: actor.Ref(), From: actor.Place, To: to, Events: perCommit}
	err := c.store.Commit(ctx, c.ref(), []persistence.Move{move}, func(tx persistence.Tx) error { return c.write(tx, to.Seq) })
	if err != nil {
		return err
	}
	actor.Place = to
	c.acknowledged.Store(to.Seq)
	return nil
}

// write appends the activities of a seq and overwrites each order's document. No two
// runs write the same activities: a commit that lands twice leaves both.
func (c *committer) write(tx persistence.Tx, seq int64) error {
	c.runs++
	branch := fmt.Sprintf("%s.%d", c.node, c.runs)
	log := make([]markets.Activity, perCommit)
	orders := make([]markets.Order, perCommit)
	keys := make([]string, perCommit)
	for i := range orders {
		key := fmt.Sprint("order ", i)
		position := markets.Position{Height: seq, Log: int32(i)}
		event := markets.Event{
			Kind: markets.Listed, Stream: "list", Seq: seq, Position: position, Block: branch, Transaction: branch,
			Time: time.Unix(seq, 0).UTC(), Order: key, Side: markets.Ask,
		}
		log[i] = markets.Activity{Chain: c.ref().Chain, Market: c.market, Event: event}
		orders[i], _ = markets.FoldOrder(c.ref().Chain, c.market, key, []markets.Event{event})
		keys[i] = key
	}
	if _, err := tx.Orders(keys); err != nil {
		return err
	}
	if err := tx.PutOrders(orders); err != nil {
		return err
	}
	if c.between != nil {
		c.between()
	}
	return tx.Append(log, nil)
}

// whole checks that a store holds all commits of a committer's market up to the actor's
// position, each once, and returns that seq.
func whole(t *testing.T, store persistence.Store, market string) int64 {
	t.Helper()
	actors := read[persistence.Actor](t, store, persistence.Actors, market)
	if len(actors) != 1 {
		t.Fatalf("%s: %d actors", market, len(actors))
	}
	at := actors[0].Seq
	if n := actors[0].Events; n != at*perCommit {
		t.Errorf("%s: the actor counts %d events at seq %d", market, n, at)
	}
	branches := map[int64]map[string]int{} // of each seq, how many activities of which run
	for _, a := range read[markets.Activity](t, store, persistence.Activities, market) {
		if branches[a.Seq] == nil {
			branches[a.Seq] = map[string]int{}
		}
		branches[a.Seq][a.Block]++
	}
	for seq, runs := range branches {
		for run, n := range runs {
			if len(runs) != 1 || n != perCommit || seq < 1 || seq > at {
				t.Errorf("%s: %d activities of commit %d by run %s; the actor is at %d", market, n, seq, run, at)
			}
		}
	}
	if int64(len(branches)) != at {
		t.Errorf("%s: activities of %d commits; the actor is at %d", market, len(branches), at)
	}
	orders := read[markets.Order](t, store, persistence.Orders, market)
	if at > 0 && len(orders) != perCommit {
		t.Errorf("%s: %d orders", market, len(orders))
	}
	for _, o := range orders {
		if o.Last.Height != at {
			t.Errorf("%s: %s is of commit %d; the actor is at %d", market, o.Key, o.Last.Height, at)
		}
	}
	return at
}

// read returns a store's documents of a market.
func read[T any](t *testing.T, store persistence.Store, collection, market string) []T {
	t.Helper()
	return readBy[T](t, store, collection, "market", market)
}

// readBy returns a store's documents with a value in a field.
func readBy[T any](t *testing.T, store persistence.Store, collection, field, value string) (docs []T) {
	t.Helper()
	filter := persistence.Filter{Condition: persistence.Compare{Path: field, Operator: persistence.Equal, Operand: value}}
	for raw, err := range store.Query(t.Context(), persistence.Query{Collection: collection, Filter: filter}) {
		var doc T
		if err == nil {
			err = json.Unmarshal(raw, &doc)
		}
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	return docs
}
