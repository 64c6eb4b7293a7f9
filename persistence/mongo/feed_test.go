package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// putOrder commits an order.
func putOrder(ctx context.Context, store persistence.Store, key string) error {
	return store.Commit(ctx, persistence.MarketRef{Chain: chain, Market: "seaport"}, nil, func(tx persistence.Tx) error {
		return tx.PutOrders([]markets.Order{{Chain: chain, Market: "seaport", Key: key, Side: markets.Ask, Status: markets.Listing}})
	})
}

// firstError returns the error with which a feed begins; nil if it begins with a change.
func firstError(ctx context.Context, store persistence.Feed, after string) error {
	for _, err := range store.Changes(ctx, after, []string{persistence.Orders}) {
		return err
	}
	return nil
}

// All positions are gone when the database or a collection was dropped.
func TestFeedPositionGone(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	store := openAt(t, uri)
	at := must[string](t)(store.Newest(t.Context()))
	if err := firstError(t.Context(), store, "82F0000001"+at[10:]); !errors.Is(err, persistence.ErrPositionInvalid) {
		t.Errorf("a position in the future: %v", err)
	}
	if err := store.Database().Collection(persistence.Orders).Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := firstError(t.Context(), store, at); !errors.Is(err, persistence.ErrPositionGone) {
		t.Errorf("after a collection was dropped: %v", err)
	}
	if err := store.Database().Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := firstError(t.Context(), store, at); !errors.Is(err, persistence.ErrPositionGone) {
		t.Errorf("after the database was dropped: %v", err)
	}
}

// A position with a wrong character is refused at once, or is another valid position.
func TestFeedPositionDamaged(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	store := openAt(t, mongotest.Database(t))
	first := must[string](t)(store.Newest(t.Context()))
	if err := putOrder(t.Context(), store, "a"); err != nil {
		t.Fatal(err)
	}
	var at string
	for c, err := range store.Changes(t.Context(), first, []string{persistence.Orders}) {
		if err != nil {
			t.Fatal(err)
		}
		at = c.Position
		break
	}
	for i := range at {
		for _, digit := range "0123456789ABCDEF" {
			damaged := at[:i] + string(digit) + at[i+1:]
			err := firstError(t.Context(), store, damaged)
			if err != nil && !errors.Is(err, persistence.ErrPositionInvalid) && !errors.Is(err, persistence.ErrPositionGone) {
				t.Errorf("%s: %v", damaged, err)
			}
		}
	}
}

// A reader whose connections break, whose primary steps down and whose server is killed
// gets every change once.
func TestFeedOutlivesServer(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	server := mongotest.Start(t)
	proxy := mongotest.NewProxy(t, server.Address())
	reading, writing := openAt(t, proxy.URI(faulted)), openAt(t, database(t, server))
	at := must[string](t)(reading.Newest(t.Context()))
	const orders = 60
	keys := make(chan string, orders)
	failed := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	over := make(chan struct{})
	t.Cleanup(func() { cancel(); <-over })
	go func() {
		defer close(over)
		for c, err := range reading.Changes(ctx, at, []string{persistence.Orders}) {
			if err != nil {
				failed <- err
				return
			}
			if c.Collection != "" {
				keys <- strings.TrimPrefix(c.ID, chain+"/seaport/")
			}
		}
	}()
	next := 0
	expect := func(through int) {
		t.Helper()
		for ; next < through; next++ {
			select {
			case key := <-keys:
				if want := fmt.Sprint(next); key != want {
					t.Fatalf("order %s, want %s", key, want)
				}
			case err := <-failed:
				t.Fatal(err)
			case <-time.After(2 * soon):
				t.Fatalf("order %d is not received", next)
			}
		}
	}
	for i := range orders {
		switch {
		case i == 20: // for longer than the driver tries to resume the stream
			expect(i)
			proxy.Refuse()
			time.Sleep(7 * time.Second)
			proxy.Pass()
		case i == 40:
			server.Kill()
			server.Restart()
		case i == 50:
			server.StepDown(t.Context(), 1)
		case i%7 == 3:
			proxy.Cut()
		case i%7 == 5:
			expect(i)
		}
		for started := time.Now(); ; {
			err := putOrder(t.Context(), writing, fmt.Sprint(i))
			if err == nil {
				break
			}
			if time.Since(started) > soon {
				t.Fatal(err)
			}
		}
	}
	expect(orders)
	select {
	case key := <-keys:
		t.Errorf("order %s again", key)
	case err := <-failed:
		t.Error(err)
	case <-time.After(50 * time.Millisecond):
	}
}

// A feed ends when its reader is closed, and does not delay the closing.
func TestFeedEndsWithReader(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	openAt(t, uri)
	reader, err := mongo.OpenReader(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	at := must[string](t)(reader.Newest(t.Context()))
	var last error
	for _, last = range reader.Changes(t.Context(), at, []string{persistence.Orders}) {
		if last == nil {
			if err := reader.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if last == nil || !strings.Contains(last.Error(), "closed") {
		t.Errorf("it ends with %v", last)
	}
}
