package mongo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// disputed is the market of these tests, to which one owner after the other commits.
const disputed = "disputed"

// takeOver makes a separate process the chain's owner and claims the actor.
func takeOver(t *testing.T, uri, node string) (*committer, persistence.Actor) {
	t.Helper()
	store := openAt(t, uri)
	epoch, err := store.TakeOver(t.Context(), chain, node)
	if err != nil {
		t.Fatal(err)
	}
	c := &committer{store: store, market: disputed, node: node, epoch: epoch}
	actor, err := c.claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.claimedAt = actor.Seq
	return c, actor
}

// commits makes some commits.
func (c *committer) commits(t *testing.T, actor *persistence.Actor, n int) {
	t.Helper()
	for range n {
		if err := c.commit(t.Context(), actor); err != nil {
			t.Fatal(err)
		}
	}
}

// A commit during which another owner takes over never lands, and no longer blocks the
// other owner.
func TestTakenOverWithinCommit(t *testing.T) {
	uri := mongotest.Database(t)
	first, actor := takeOver(t, uri, "first")
	first.commits(t, &actor, 3)
	var took time.Duration
	first.between = func() {
		first.between = nil
		start := time.Now()
		second, actor := takeOver(t, uri, "second")
		second.commits(t, &actor, 3)
		took = time.Since(start)
	}
	if err := first.commit(t.Context(), &actor); !errors.Is(err, persistence.ErrFenced) {
		t.Errorf("the first owner's commit ended with: %v", err)
	}
	if _, err := first.claim(t.Context()); !errors.Is(err, persistence.ErrFenced) {
		t.Errorf("the first owner's claim ended with: %v", err)
	}
	if at := whole(t, first.store, disputed); at != 6 {
		t.Errorf("the actor is at %d", at)
	}
	if took > soon {
		t.Errorf("the take-over took %v", took)
	}
}

// Whenever another owner takes over, no commit of the previous owner lands later.
func TestTakeOversBetweenCommits(t *testing.T) {
	uri := mongotest.Database(t)
	var owners []*committer
	var ended chan error // receives the result of the previous owner
	for i := range rounds(t, 15) {
		c, actor := takeOver(t, uri, fmt.Sprint("node-", i))
		if i > 0 {
			endsFenced(t, owners[i-1], ended, c.claimedAt)
		}
		owners = append(owners, c)
		c.commits(t, &actor, 3)
		ended = make(chan error, 1)
		go func() { ended <- c.run(t.Context()) }()
		time.Sleep(rand.N(30 * time.Millisecond)) // to any moment of a commit
	}
	last, _ := takeOver(t, uri, "last")
	endsFenced(t, owners[len(owners)-1], ended, last.claimedAt)
	if at := whole(t, last.store, disputed); at != last.claimedAt {
		t.Errorf("the actor is at %d, after it was claimed at %d", at, last.claimedAt)
	}
	assertEachItsOwn(t, last.store, append(owners, last))
}

// endsFenced checks the end of an owner that another took over from at a seq.
func endsFenced(t *testing.T, c *committer, ended <-chan error, at int64) {
	t.Helper()
	if err := <-ended; !errors.Is(err, persistence.ErrFenced) {
		t.Errorf("%s ended with: %v", c.node, err)
	}
	// The previous owner may not have received the acknowledgement of its last commit.
	if last := c.acknowledged.Load(); last != at && last != at-1 {
		t.Errorf("%s received the acknowledgement of commit %d, the next owner started at %d", c.node, last, at)
	}
}

// assertEachItsOwn checks that every owner has written what lies between its own claim
// and the next owner's.
func assertEachItsOwn(t *testing.T, store persistence.Store, owners []*committer) {
	t.Helper()
	for _, a := range read[markets.Activity](t, store, persistence.Activities, disputed) {
		for i, c := range owners[:len(owners)-1] {
			ownSeq := c.claimedAt < a.Seq && a.Seq <= owners[i+1].claimedAt
			if own := strings.HasPrefix(a.Block, c.node+"."); own != ownSeq {
				t.Errorf("%s writes at seq %d; %s started at %d, the next owner at %d", a.Block, a.Seq, c.node, c.claimedAt, owners[i+1].claimedAt)
			}
		}
	}
}

// Without the condition a late commit lands.
func TestTakenOverWithinCommitWithoutTheCondition(t *testing.T) {
	uri := mongotest.Database(t)
	first, actor := takeOver(t, uri, "first")
	first.commits(t, &actor, 3)
	first.store.(*mongo.Store).Unconditional()
	first.between = func() {
		first.between = nil
		second, actor := takeOver(t, uri, "second")
		second.commits(t, &actor, 3)
	}
	if err := first.commit(t.Context(), &actor); err != nil {
		t.Fatalf("the condition is not what stops the first owner: %v", err)
	}
	actors := read[persistence.Actor](t, first.store, persistence.Actors, disputed)
	if len(actors) != 1 || actors[0].Seq != 4 {
		t.Errorf("the first owner's commit of seq 4 has not undone the second's: %+v", actors)
	}
}
