package monitor

import (
	"context"
	"errors"
	"time"

	"github.com/imart/event-worker/persistence"
)

// Store records metrics of a store's calls. Its results are those of the inner store.
type Store struct {
	persistence.Store
	metrics *Metrics
}

var (
	_ persistence.Store     = (*Store)(nil)
	_ persistence.Snapshots = (*Store)(nil)
)

// Store wraps a store: the actors' writes contain everything that the streams' metrics
// need. The result implements only persistence.Store and Snapshots; code that needs more of the inner
// store, such as persistence.Registry, calls Unwrap.
func (m *Metrics) Store(inner persistence.Store) *Store { return &Store{inner, m} }

// Unwrap returns the inner store.
func (s *Store) Unwrap() persistence.Store { return s.Store }

// Snapshot implements persistence.Snapshots.
func (s *Store) Snapshot(ctx context.Context, do func(persistence.Querier) error) error {
	return persistence.AsOfOneMoment(ctx, s.Store, do)
}

// TakeOver implements persistence.Store.
func (s *Store) TakeOver(ctx context.Context, chain, node string) (int64, error) {
	epoch, err := s.Store.TakeOver(ctx, chain, node)
	if err == nil {
		s.metrics.owned(chain, epoch)
	}
	return epoch, err
}

// Claim implements persistence.Store.
func (s *Store) Claim(ctx context.Context, claim persistence.Claim) (persistence.Actor, error) {
	doc, err := s.Store.Claim(ctx, claim)
	if err == nil {
		s.metrics.mirror.claimed(doc)
	}
	return doc, err
}

// Commit implements persistence.Store.
func (s *Store) Commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(tx persistence.Tx) error) error {
	started := time.Now()
	err := s.Store.Commit(ctx, market, moves, do)
	outcome := outcomeOf(ctx, err)
	s.metrics.commits.WithLabelValues(market.Chain, market.Market, outcome).Observe(time.Since(started).Seconds())
	switch outcome {
	case "ok":
		s.metrics.mirror.moved(moves)
	case "fenced":
		s.metrics.fenced.WithLabelValues(market.Chain).Inc()
		for _, move := range moves {
			s.metrics.mirror.fenced(move.Actor)
		}
	}
	return err
}

func outcomeOf(ctx context.Context, err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, persistence.ErrFenced):
		return "fenced"
	case ctx.Err() != nil:
		return "canceled"
	}
	return "error"
}

// Report implements persistence.Store.
func (s *Store) Report(ctx context.Context, ref persistence.ActorRef, report persistence.Report) error {
	err := s.Store.Report(ctx, ref, report)
	switch {
	case err == nil:
		s.metrics.mirror.reported(ref, report)
	case errors.Is(err, persistence.ErrFenced):
		s.metrics.mirror.fenced(ref)
	}
	return err
}
