package mongo_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// ask makes status requests for the chain.
func ask(t *testing.T, store *mongo.Store, overdue time.Duration, ids ...string) {
	t.Helper()
	var requests []persistence.Request
	for _, id := range ids {
		requests = append(requests, persistence.Request{ID: id, Chain: chain, Kind: persistence.StatusRequest, AskedBy: "a"})
	}
	if err := store.Ask(t.Context(), requests, overdue); err != nil {
		t.Fatal(err)
	}
}

// asked returns the document of a request.
func asked(t *testing.T, store *mongo.Store, id string) persistence.Request {
	t.Helper()
	found, err := store.Requests(t.Context(), []string{id, "another"})
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", id, found, err)
	}
	return found[0]
}

var well = persistence.Answer{Phase: "running"}

// A request is pending as it was asked, with the server's times, until it is answered,
// and then contains the answer.
func TestRequest(t *testing.T) {
	t.Parallel()
	store := openAt(t, mongotest.Database(t))
	ask(t, store, 7*time.Second, "r", "s")
	r := asked(t, store, "r")
	if r.AskedAt.IsZero() || r.OverdueAt.Sub(r.AskedAt) != 7*time.Second {
		t.Errorf("asked at %v, overdue at %v", r.AskedAt, r.OverdueAt)
	}
	want := persistence.Request{
		ID: "r", Chain: chain, Kind: persistence.StatusRequest, State: persistence.RequestPending, AskedBy: "a", AskedAt: r.AskedAt, OverdueAt: r.OverdueAt,
	}
	if asJSON(t, r) != asJSON(t, want) {
		t.Errorf("asked it is %s, want %s", asJSON(t, r), asJSON(t, want))
	}
	if err := store.Ask(t.Context(), []persistence.Request{r}, time.Second); err == nil {
		t.Error("it can be asked twice")
	}
	if pending, err := store.Pending(t.Context()); err != nil || len(pending) != 2 || pending[0].ID != "r" || pending[1].ID != "s" {
		t.Errorf("pending: %v, %v", pending, err)
	}
	lease := take(t, store, "b")
	if answered, err := store.Answer(t.Context(), lease, "r", well); err != nil || !answered {
		t.Errorf("answered: %v, %v", answered, err)
	}
	r = asked(t, store, "r")
	want.State, want.Node, want.Epoch, want.Answer, want.EndedAt, want.ExpiresAt = persistence.RequestDone, "b", lease.Epoch, &well, r.EndedAt, r.ExpiresAt
	if asJSON(t, r) != asJSON(t, want) || r.EndedAt == nil || r.EndedAt.Before(r.AskedAt) || r.ExpiresAt == nil || r.ExpiresAt.Sub(*r.EndedAt) != persistence.KeepStatus {
		t.Errorf("answered it is %s, want %s", asJSON(t, r), asJSON(t, want))
	}
	for i, doc := range []string{asJSON(t, r), asJSON(t, asked(t, store, "s"))} {
		q := persistence.Query{Collection: persistence.Requests, Sort: []persistence.SortKey{{Path: "_id"}}}
		var found []string
		for doc, err := range store.Query(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, string(doc))
		}
		if len(found) != 2 || found[i] != doc {
			t.Errorf("queried: %v, want %s", found, doc)
		}
	}
}

// A request ends once, whatever happens later or concurrently.
func TestRequestEndsOnce(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	store := openAt(t, uri)
	lease := take(t, store, "a")
	ask(t, store, time.Minute, "once", "not overdue")
	ask(t, store, 0, "overdue", "either")

	var answers sync.WaitGroup
	count := make(chan bool, 8)
	for range cap(count) {
		other := openAt(t, uri)
		answers.Go(func() {
			answered, err := other.Answer(t.Context(), lease, "once", well)
			if err != nil {
				t.Error(err)
			}
			count <- answered
		})
	}
	answers.Wait()
	close(count)
	n := 0
	for answered := range count {
		if answered {
			n++
		}
	}
	if n != 1 {
		t.Errorf("it is answered %d times", n)
	}

	for id, want := range map[string]bool{"not overdue": false, "overdue": true, "once": false, "none": false} {
		if failed, err := store.Fail(t.Context(), id, "no answer"); err != nil || failed != want {
			t.Errorf("%s fails: %v, %v", id, failed, err)
		}
	}
	for _, id := range []string{"overdue", "none"} {
		if answered, err := store.Answer(t.Context(), lease, id, well); err != nil || answered {
			t.Errorf("%s is answered: %v, %v", id, answered, err)
		}
	}
	if r := asked(t, store, "overdue"); r.State != persistence.RequestFailed || r.Reason != "no answer" || r.Answer != nil || r.EndedAt == nil {
		t.Errorf("failed it is %+v", r)
	}
}

// Only the owner of the chain answers, under its current lease.
func TestAnswerNeedsTheLease(t *testing.T) {
	t.Parallel()
	store := openAt(t, mongotest.Database(t))
	first := take(t, store, "a")
	ask(t, store, time.Minute, "r")
	release(t, store, first)
	second := take(t, store, "b")
	for _, l := range []persistence.Lease{
		first, {Chain: chain, Node: "a", Epoch: second.Epoch}, {Chain: chain, Node: "b", Epoch: first.Epoch}, {Chain: "other", Node: "b", Epoch: second.Epoch},
	} {
		if answered, err := store.Answer(t.Context(), l, "r", well); !errors.Is(err, persistence.ErrLeaseChanged) || answered {
			t.Errorf("%+v answers: %v, %v", l, answered, err)
		}
	}
	other, err := store.Acquire(t.Context(), persistence.Lease{Chain: "other"}, "b")
	if err != nil {
		t.Fatal(err)
	}
	if answered, err := store.Answer(t.Context(), other, "r", well); err != nil || answered {
		t.Errorf("the owner of another chain answers: %v, %v", answered, err)
	}
	if r := asked(t, store, "r"); r.Ended() {
		t.Errorf("it has ended: %+v", r)
	}
}

// While an answer is being committed the lease cannot change: the answering node owns
// the chain until the answer is stored.
func TestAnswerHoldsTheLease(t *testing.T) {
	t.Parallel()
	server := mongotest.Start(t)
	proxy := mongotest.NewProxy(t, server.Address())
	a, b := openAt(t, proxy.URI(faulted)), openAt(t, database(t, server))
	lease := take(t, b, "a")
	ask(t, b, time.Minute, "r")
	held := proxy.Hold("commitTransaction")
	var answering sync.WaitGroup
	answering.Go(func() {
		if answered, err := a.Answer(t.Context(), lease, "r", well); err != nil || !answered {
			t.Errorf("answered: %v, %v", answered, err)
		}
	})
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := b.Release(ctx, lease); err == nil {
		t.Error("the lease is released while the answer is being committed")
	}
	if r := asked(t, b, "r"); r.Ended() {
		t.Errorf("before the commit it has ended: %+v", r)
	}
	proxy.Pass()
	answering.Wait()
	if r := asked(t, b, "r"); r.State != persistence.RequestDone {
		t.Errorf("it is %+v", r)
	}
}

// An owner and the process that takes over the chain compete for requests: each is
// answered by one of them, and none by the owner after the take-over.
func TestAnswerAgainstTakeOver(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	a, b := openAt(t, uri), openAt(t, uri)
	lease := take(t, a, "a")
	for i := range 20 {
		id := string(rune('a' + i))
		ask(t, a, time.Minute, id)
		var racing sync.WaitGroup
		racing.Go(func() {
			_, err := a.Answer(t.Context(), lease, id, well)
			if err != nil && !errors.Is(err, persistence.ErrLeaseChanged) && !isInterrupted(err) {
				t.Error(err)
			}
		})
		next, err := b.Acquire(t.Context(), lease, "b")
		if err != nil {
			t.Fatal(err)
		}
		after := asked(t, b, id)
		racing.Wait()
		if r := asked(t, b, id); r.Ended() != after.Ended() {
			t.Errorf("answered after the take-over: %+v", r)
		}
		if answered, err := b.Answer(t.Context(), next, id, well); err != nil || answered == after.Ended() {
			t.Errorf("the next owner answers: %v, %v", answered, err)
		}
		release(t, b, next)
		lease = take(t, a, "a")
	}
}

// isInterrupted says whether an operation was killed on the server, as a take-over does to
// the transactions of the previous owner.
func isInterrupted(err error) bool {
	const interrupted = 11601
	var server driver.ServerError
	return errors.As(err, &server) && server.HasErrorCode(interrupted)
}

// An answer whose acknowledgement is lost is given once.
func TestAnswerIsLost(t *testing.T) {
	t.Parallel()
	server := mongotest.Start(t)
	proxy := mongotest.NewProxy(t, server.Address())
	store := openAt(t, proxy.URI(faulted))
	lease := take(t, store, "a")
	for id, lose := range map[string]func(string) <-chan struct{}{"before": proxy.HoleBefore, "after": proxy.HoleAfter} {
		ask(t, store, time.Minute, id)
		sprung := lose("commitTransaction")
		go func() {
			<-sprung
			proxy.Cut()
		}()
		if answered, err := store.Answer(t.Context(), lease, id, well); err != nil || !answered {
			t.Errorf("%s: %v, %v", id, answered, err)
		}
		if r := asked(t, store, id); r.State != persistence.RequestDone {
			t.Errorf("%s: it is %+v", id, r)
		}
	}
}

// The server removes requests an hour after their end, and no others.
func TestEndedRequestsAreRemoved(t *testing.T) {
	t.Parallel()
	server := mongotest.Start(t)
	uri := database(t, server)
	store, db := openAt(t, uri), admin(t, uri)
	ask(t, store, 0, "old", "recent", "pending")
	past := func(field string, ago time.Duration) bson.D {
		return bson.D{{Key: "$set", Value: bson.D{{Key: field, Value: time.Now().Add(-ago)}}}}
	}
	for id, update := range map[string]bson.D{
		"old": past("expiresAt", time.Minute), "recent": past("expiresAt", -10*time.Minute), "pending": past("askedAt", 3*time.Hour),
	} {
		if id != "pending" {
			if failed, err := store.Fail(t.Context(), id, "no answer"); err != nil || !failed {
				t.Fatal(err)
			}
		}
		if _, err := db.Collection("requests").UpdateByID(t.Context(), id, update); err != nil {
			t.Fatal(err)
		}
	}
	var left []persistence.Request
	for started := time.Now(); time.Since(started) < soon && len(left) != 2; time.Sleep(50 * time.Millisecond) {
		var err error
		if left, err = store.Requests(t.Context(), []string{"old", "recent", "pending"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(left) != 2 || left[0].ID != "pending" || left[1].ID != "recent" {
		t.Errorf("%v are left", left)
	}
}
