package embedded

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

var errOwn = errors.New("the change's own error")

// Many more changes than fit one transaction wait for the writer at once. Some
// fail and some panic; each of the others lands, and nothing of those.
func TestChangesOfOneTransactionDoNotHarmEachOther(t *testing.T) {
	store, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	const callers = 10 * groupSize
	conn := <-store.writer // nobody writes before all of them wait
	var wg sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		wg.Go(func() {
			defer func() {
				if reason := recover(); reason != nil {
					errs[i] = fmt.Errorf("panic: %v", reason)
				}
			}()
			errs[i] = store.Commit(t.Context(), persistence.MarketRef{Chain: "chain", Market: "market"}, nil, func(tx persistence.Tx) error {
				if err := tx.PutOrders([]markets.Order{{Chain: "chain", Market: "market", Key: fmt.Sprint(i), Status: markets.Listing}}); err != nil {
					return err
				}
				switch i % 5 {
				case 3:
					return errOwn
				case 4:
					panic("on purpose")
				}
				return nil
			})
		})
	}
	for waiting := 0; waiting < callers; {
		store.changes.mu.Lock()
		waiting = len(store.changes.waiting)
		store.changes.mu.Unlock()
	}
	store.writer <- conn
	wg.Wait()
	landed := map[string]bool{}
	for doc, err := range store.Query(t.Context(), persistence.Query{Collection: persistence.Orders}) {
		if err != nil {
			t.Fatal(err)
		}
		var order markets.Order
		if err := decodeOrder(doc, &order); err != nil {
			t.Fatal(err)
		}
		landed[order.Key] = true
	}
	for i, err := range errs {
		switch i % 5 {
		case 3:
			if !errors.Is(err, errOwn) {
				t.Errorf("change %d: %v", i, err)
			}
		case 4:
			if err == nil || errors.Is(err, errOwn) {
				t.Errorf("change %d did not panic: %v", i, err)
			}
		default:
			if err != nil {
				t.Errorf("change %d: %v", i, err)
			}
		}
		if want := i%5 < 3; landed[fmt.Sprint(i)] != want {
			t.Errorf("change %d landed: %v", i, !want)
		}
	}

	// What was taken back has left no trace in memory either.
	err = store.Commit(t.Context(), persistence.MarketRef{Chain: "chain", Market: "market"}, nil, func(tx persistence.Tx) error {
		for i := range callers {
			orders, err := tx.Orders([]string{fmt.Sprint(i)})
			if err != nil {
				return err
			}
			for key, order := range orders {
				if order.Key != key || i%5 > 2 {
					t.Errorf("under key %s is order %s", key, order.Key)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
