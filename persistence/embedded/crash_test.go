package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// crashFolder names the variable that makes the test binary commit to a folder until it
// is killed.
const crashFolder = "EVENT_WORKER_TEST_CRASH_FOLDER"

// perCommit is how many orders and activities a commit of the crash test writes.
const perCommit = 20

var market = persistence.MarketRef{Chain: "ethereum", Market: "seaport"}

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashFolder); dir != "" {
		fmt.Fprintln(os.Stderr, commitForEver(context.Background(), dir))
		os.Exit(1)
	}
	thorough.Checks(100)
	os.Exit(m.Run())
}

// commitForEver prints the seq of every commit that was acknowledged.
func commitForEver(ctx context.Context, dir string) error {
	store, err := embedded.Open(ctx, dir)
	if err != nil {
		return err
	}
	epoch, err := store.TakeOver(ctx, market.Chain, "node")
	if err != nil {
		return err
	}
	actor, err := store.Claim(ctx, persistence.Claim{ID: "observer", Chain: market.Chain, Market: market.Market, Epoch: epoch})
	if err != nil {
		return err
	}
	for {
		to := markets.Place{Seq: actor.Seq + 1}
		move := persistence.Move{Actor: actor.Ref(), From: actor.Place, To: to}
		if err := store.Commit(ctx, market, []persistence.Move{move}, func(tx persistence.Tx) error { return writeSeq(tx, to.Seq) }); err != nil {
			return err
		}
		actor.Place = to
		fmt.Println(to.Seq)
	}
}

// writeSeq appends the activities of a seq and updates each order's height.
func writeSeq(tx persistence.Tx, seq int64) error {
	var log []markets.Activity
	var orders []markets.Order
	for i := range int32(perCommit) {
		key := fmt.Sprint("order ", i)
		position := markets.Position{Height: seq, Log: i}
		log = append(log, markets.Activity{Chain: market.Chain, Market: market.Market, Event: markets.Event{
			Kind: markets.Listed, Stream: "list", Seq: seq, Position: position, Order: key, Transaction: strings.Repeat("x", 500),
		}})
		orders = append(orders, markets.Order{Chain: market.Chain, Market: market.Market, Key: key, Last: position})
	}
	if err := tx.Append(log, nil); err != nil {
		return err
	}
	return tx.PutOrders(orders)
}

// A process that is killed at any moment leaves every acknowledged commit complete, and
// none partial.
func TestKilledProcessLeavesWholeCommits(t *testing.T) {
	dir := t.TempDir()
	for range 8 {
		acknowledged := killed(t, dir, time.Duration(rand.IntN(150))*time.Millisecond)
		at := whole(t, dir)
		if at < acknowledged {
			t.Fatalf("commit %d was acknowledged, the actor is at %d", acknowledged, at)
		}
	}
}

// killed lets a process commit for some time after its first acknowledged commit, kills
// it and returns the last acknowledged commit.
func killed(t *testing.T, dir string, after time.Duration) (last int64) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashFolder+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last == 0 {
			defer time.AfterFunc(after, func() { _ = child.Process.Kill() }).Stop()
		}
		if last, err = strconv.ParseInt(lines.Text(), 10, 64); err != nil {
			t.Fatalf("the child prints %q", lines.Text())
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Fatalf("the child ended unexpectedly: %v", err)
	}
	return last
}

// whole checks that the store holds exactly the commits up to its actor's position, and
// returns that seq.
func whole(t *testing.T, dir string) int64 {
	t.Helper()
	store, err := embedded.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	actors := read[persistence.Actor](t, store, persistence.Actors)
	if len(actors) != 1 {
		t.Fatalf("%d actors", len(actors))
	}
	at := actors[0].Seq
	perSeq := map[int64]int{}
	for _, a := range read[markets.Activity](t, store, persistence.Activities) {
		perSeq[a.Seq]++
	}
	for seq, n := range perSeq {
		if n != perCommit || seq < 1 || seq > at {
			t.Errorf("%d activities of commit %d; the actor is at %d", n, seq, at)
		}
	}
	if int64(len(perSeq)) != at {
		t.Errorf("activities of %d commits; the actor is at %d", len(perSeq), at)
	}
	for _, o := range read[markets.Order](t, store, persistence.Orders) {
		if o.Last.Height != at {
			t.Errorf("%s is of commit %d; the actor is at %d", o.Key, o.Last.Height, at)
		}
	}
	return at
}

func read[T any](t *testing.T, store *embedded.Store, collection string) (docs []T) {
	t.Helper()
	for raw, err := range store.Query(t.Context(), persistence.Query{Collection: collection}) {
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
