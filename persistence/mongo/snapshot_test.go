package mongo_test

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
)

// A query waits until the primary has all changes before a position that Newest has
// returned; here one in the future.
func TestQueryIsNotBehindPositions(t *testing.T) {
	t.Parallel()
	store := openAt(t, mongotest.Database(t))
	store.RaiseReported(bson.Timestamp{T: uint32(time.Now().Unix()) + 2})
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		for sleepFor(ctx, 300*time.Millisecond) {
			_ = putOrder(ctx, store, "a")
		}
	}()
	n := 0
	for _, err := range store.Query(t.Context(), persistence.Query{Collection: persistence.Orders}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	cancel()
	<-over
	if n != 1 {
		t.Errorf("%d orders", n)
	}
}

func sleepFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
