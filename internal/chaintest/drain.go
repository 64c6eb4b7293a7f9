// Package chaintest holds what the tests of all implementations of chains.Chain
// share.
package chaintest

import (
	"context"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// TB is what both testing.TB and rapid.T are.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Drain reads a stream page by page until there is nothing to read, checks what
// every page owes, and returns the raw events and the place reached.
func Drain(ctx context.Context, t TB, chain chains.Chain, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) ([]markets.Raw, markets.Place) {
	t.Helper()
	var raws []markets.Raw
	for {
		page, err := chain.Read(ctx, view, source, after, through, limit)
		if err != nil {
			t.Fatalf("read behind %+v: %v", after, err)
		}
		CheckPage(t, page, after, through)
		if page.To == after {
			return raws, after
		}
		raws, after = append(raws, page.Raws...), page.To
	}
}

// CheckPage checks what every page owes that was read behind a place.
func CheckPage(t TB, page chains.Page, after markets.Place, through int64) {
	t.Helper()
	to := page.To
	if to.Seq < after.Seq || to.Through < after.Through {
		t.Fatalf("page leads back from %+v to %+v", after, to)
	}
	if to == after && len(page.Raws) > 0 {
		t.Fatalf("page of %d events leads nowhere from %+v", len(page.Raws), after)
	}
	if through >= 0 && to.Seq > max(through, after.Seq) {
		t.Fatalf("page leads to %+v, beyond %d", to, through)
	}
	for i, raw := range page.Raws {
		if raw.Seq <= after.Seq || raw.Seq > to.Seq {
			t.Fatalf("event %d at seq %d in the page from %+v to %+v", i, raw.Seq, after, to)
		}
		if raw.Time.IsZero() || raw.Transaction == "" {
			t.Fatalf("event %d without time or transaction: %+v", i, raw)
		}
		if i > 0 && (!raw.Position.After(page.Raws[i-1].Position) || raw.Seq < page.Raws[i-1].Seq) {
			t.Fatalf("event %d at %+v comes after the one at %+v", i, raw.Position, page.Raws[i-1].Position)
		}
	}
}
