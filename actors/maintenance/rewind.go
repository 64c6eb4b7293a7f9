package maintenance

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// ErrNothingToRewind says that no observer in scope is beyond the height.
var ErrNothingToRewind = errors.New("nothing lies beyond that height")

// Rewind takes a chain over and rewinds all of it.
func Rewind(ctx context.Context, store persistence.Store, node, chain string, height int64) error {
	m, err := TakeOver(ctx, store, node, chain)
	if err != nil {
		return err
	}
	return m.Rewind(ctx, Scope{}, height)
}

// Rewind rolls documents and logs back to a height: each observer to the newest place of its
// trail at or below it. Started again, the node reads on from there. An interrupted Rewind
// can be repeated. It returns ErrNothingToRewind where that is so.
func (m *Maintainer) Rewind(ctx context.Context, of Scope, height int64) error {
	observers, err := m.observers(ctx, of)
	if err != nil {
		return err
	}
	if err := of.exists(m.chain, observers); err != nil {
		return err
	}
	rewound := false
	for i, log := range observers {
		m.progress("rolling back", i, len(observers))
		if log.Documents {
			continue
		}
		moved, err := m.rewind(ctx, &log, documentsOf(observers, log), height)
		if err != nil {
			return fmt.Errorf("rewinding %s: %w", log.ID, err)
		}
		rewound = rewound || moved
	}
	if !rewound {
		return fmt.Errorf("%s at %d: %w", m.chain, height, ErrNothingToRewind)
	}
	return nil
}

// rewind rolls a stream back to a height, its documents before its log (P5), and says
// whether it was beyond. The place where the documents go is on the log's trail too: the
// documents are never ahead of the log.
func (m *Maintainer) rewind(ctx context.Context, log, documents *persistence.Actor, height int64) (bool, error) {
	observers := []*persistence.Actor{log}
	if documents != nil {
		observers = []*persistence.Actor{documents, log}
	}
	for _, a := range observers {
		if err := m.finish(ctx, a); err != nil {
			return false, err
		}
	}
	to, ok := beyond(*log, height)
	if !ok {
		return false, nil
	}
	for _, a := range observers {
		if a.Place != to && a.Reaches(to) || a == log {
			t := markets.Transition{Kind: markets.RollbackTransition, Chain: a.Chain, Market: a.Market, Stream: a.Stream, From: a.Place, To: to}
			if err := m.execute(ctx, a, t); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// beyond is where a log that is beyond a height is rolled back to; false if it is not beyond.
func beyond(log persistence.Actor, height int64) (markets.Place, bool) {
	to, ok := log.Trail.AtOrBelow(height)
	return to, ok && log.Height() > height && to != log.Place
}

// maxOrders is how many orders Plan tells apart.
const maxOrders = 1 << 20

// Plan says what Rewind would undo, without changing anything.
func Plan(ctx context.Context, docs persistence.Querier, chain string, of Scope, height int64) (persistence.Answer, error) {
	observers, err := observersOf(ctx, docs, chain, of)
	if err != nil {
		return persistence.Answer{}, err
	}
	if err := of.exists(chain, observers); err != nil {
		return persistence.Answer{}, err
	}
	plan, orders, seed := persistence.Answer{}, map[uint64]bool{}, maphash.MakeSeed()
	for _, log := range observers {
		to, ok := beyond(log, height)
		if log.Documents || !ok {
			continue
		}
		s := persistence.RewoundStream{Market: log.Market, Stream: log.Stream, From: log.Place, To: to}
		undone := append(Scope{log.Market, log.Stream}.filter(chain), persistence.Compare{Path: "seq", Operator: persistence.Greater, Operand: to.Seq})
		err := each(ctx, docs, persistence.Activities, undone, func(a markets.Activity) error {
			s.Activities++
			if len(orders) < maxOrders {
				orders[maphash.String(seed, a.Market+"/"+a.Key())] = true
			}
			return nil
		})
		if err != nil {
			return plan, err
		}
		err = each(ctx, docs, persistence.DeadLetters, undone, func(markets.DeadLetter) error {
			s.DeadLetters++
			return nil
		})
		if err != nil {
			return plan, err
		}
		plan.Streams = append(plan.Streams, s)
	}
	if len(plan.Streams) == 0 {
		return plan, fmt.Errorf("%s at %d: %w", chain, height, ErrNothingToRewind)
	}
	if plan.Orders = int64(len(orders)); plan.Orders == maxOrders {
		plan.Notes = []string{"at least so many orders"}
	}
	return plan, nil
}
