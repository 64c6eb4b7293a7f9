package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/monitor"
)

// scripted is a chain with predetermined answers.
type scripted struct {
	chains.Chain
	view *chains.View
	page chains.Page
	err  error
}

func (s scripted) Advance(context.Context, *chains.View) (*chains.View, error) { return s.view, s.err }

func (s scripted) Read(context.Context, *chains.View, markets.Source, markets.Place, int64, int) (chains.Page, error) {
	return s.page, s.err
}

func (s scripted) Ancestor(context.Context, *chains.View, markets.Trail, int64) (markets.Place, bool, error) {
	return s.page.To, true, s.err
}

func TestFetches(t *testing.T) {
	m := monitor.New()
	view := chains.NewLedger(7)
	page := chains.Page{To: markets.Place{Seq: 3}, Raws: make([]markets.Raw, 4)}
	for _, failure := range []error{nil, fmt.Errorf("node: %w", chains.ErrAhead), errors.New("else"), context.Canceled} {
		c := m.Chain(scripted{view: view, page: page, err: failure}, "aptos")
		if got, err := c.Advance(t.Context(), nil); got != view || err != failure {
			t.Errorf("Advance: %v, %v", got, err)
		}
		if got, err := c.Read(t.Context(), view, markets.Source{}, markets.Place{}, -1, 1); got.To != page.To || len(got.Raws) != 4 || err != failure {
			t.Errorf("Read: %v, %v", got, err)
		}
		if got, ok, err := c.Ancestor(t.Context(), view, nil, -1); got != page.To || !ok || err != failure {
			t.Errorf("Ancestor: %v, %v, %v", got, ok, err)
		}
	}
	want := map[string]float64{"fetched_events_total{aptos}": 4}
	for _, class := range chains.Classes {
		want["fetch_errors_total{aptos "+class+"}"] = 0
	}
	want["fetch_errors_total{aptos ahead}"], want["fetch_errors_total{aptos other}"] = 3, 3
	for _, operation := range []string{"head", "read", "ancestor"} {
		want["fetch_duration_seconds{aptos "+operation+" ok}"] = 1
		want["fetch_duration_seconds{aptos "+operation+" error}"] = 2
	}
	same(t, only(gather(t, m), "fetch"), want)
}

func TestChainUnwrap(t *testing.T) {
	inner := &scripted{}
	if monitor.New().Chain(inner, "aptos").Unwrap() != chains.Chain(inner) {
		t.Error("another chain")
	}
}
