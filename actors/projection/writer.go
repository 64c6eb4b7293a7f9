package projection

import (
	"context"
	"fmt"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Writer commits transitions of a market's documents. There is one for a market: each of
// its commits is on condition that the document of orders is as the one before left it.
type Writer struct {
	store   persistence.Store
	market  persistence.MarketRef
	cache   *Cache
	orders  persistence.ActorRef
	commits int64 // that the document of orders counts
}

// NewWriter returns the writer of an incarnation of a market's orders. commits is the
// number of commits in its document.
func NewWriter(store persistence.Store, market persistence.MarketRef, cache *Cache, orders persistence.ActorRef, commits int64) *Writer {
	return &Writer{store, market, cache, orders, commits}
}

// Commits returns the number of commits in the document of orders, as far as known.
func (w *Writer) Commits() int64 { return w.commits }

// Commit commits a transition of documents, about portion documents at a time. After an
// error its outcome is unknown, and the cache is empty.
func (w *Writer) Commit(ctx context.Context, e Execution, portion int) error {
	for c := (markets.Cursor{}); !c.Done; w.commits++ {
		next, err := w.commitPortion(ctx, e, c, portion)
		if err != nil {
			return fmt.Errorf("committing documents: %w", err)
		}
		c = next
	}
	return nil
}

func (w *Writer) commitPortion(ctx context.Context, e Execution, c markets.Cursor, portion int) (next markets.Cursor, err error) {
	var book *cachedBook
	moves := []persistence.Move{e.condition(), w.Move()}
	err = w.store.Commit(ctx, w.market, moves, func(tx persistence.Tx) error {
		book = w.cache.book(tx)
		var err error
		if next, err = e.Step(book, c, portion); err != nil {
			return err
		}
		events := 0
		if next.Done { // counted once, however often the transition was interrupted
			events = next.Events
		}
		moves[0] = e.portion(next.Done, events, 0)
		return nil
	})
	if err != nil {
		w.cache.drop()
		return next, err
	}
	w.cache.committed(book)
	return next, nil
}

// Refold folds the orders and records with the keys again from the executed part of the
// log, and empties the cache. After an error the outcome is unknown.
func (w *Writer) Refold(ctx context.Context, keys []string) error {
	err := w.store.Commit(ctx, w.market, []persistence.Move{w.Move()}, func(tx persistence.Tx) error {
		return markets.Refold(tx, w.market.Chain, w.market.Market, keys)
	})
	w.cache.drop()
	if err == nil {
		w.commits++
	}
	return err
}

// Move counts a commit on the document of orders.
func (w *Writer) Move() persistence.Move {
	return persistence.Move{
		Actor: w.orders, From: markets.Place{Seq: w.commits}, To: markets.Place{Seq: w.commits + 1},
		Report: persistence.Report{Status: persistence.Running},
	}
}
