package aptos

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

const (
	maxPage         = 100 // events; what nodes give at most
	maxTransactions = 8   // being asked for at once by one page
)

// Read implements chains.Chain. Of a handle the place after a page says, besides the last
// event's number, up to which ledger version the handle holds nothing more: if
// the page was short, the version that the same answer is of, and otherwise the
// version before the next event's or before the last one's, whose transaction may
// hold more.
func (c *Chain) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	if len(source.Types) > 0 {
		return c.readTypes(ctx, view, source, after, through, limit)
	}
	if through >= 0 && through < after.Seq {
		return chains.Page{To: after}, nil
	}
	want := min(max(int64(limit), 1), maxPage)
	if through >= 0 {
		want = min(want, through-after.Seq+1) // the event behind through dates the page
	}
	events, version, err := c.node.events(ctx, source, after.Seq+1, want)
	if err != nil {
		return chains.Page{}, err
	}
	if version < after.Through {
		return chains.Page{}, c.node.Errorf("%w: ledger at version %d, place at %d", chains.ErrAhead, version, after.Through)
	}
	if err := c.check(source, after, events, version); err != nil {
		return chains.Page{}, c.node.Errorf("%s: %w", source.Field, err)
	}
	to := after
	taken := events
	switch n := upTo(events, through); {
	case n < len(events):
		taken, to.Through = events[:n], int64(events[n].Version)-1
	case int64(n) < want:
		to.Through = version
	default:
		to.Through = int64(events[n-1].Version) - 1
	}
	to.Through = max(to.Through, after.Through)
	if len(taken) > 0 {
		to.Seq = int64(taken[len(taken)-1].Sequence)
	}
	raws, err := c.raws(ctx, taken)
	return chains.Page{To: to, Raws: raws}, err
}

// upTo counts the events up to the number through, all if it is negative.
func upTo(events []event, through int64) int {
	if through < 0 {
		return len(events)
	}
	n := 0
	for n < len(events) && int64(events[n].Sequence) <= through {
		n++
	}
	return n
}

// check checks that events are those that follow on a place, without a gap, and
// of versions that may hold them.
func (c *Chain) check(source markets.Source, after markets.Place, events []event, version int64) error {
	next := c.successor(source, after.Seq)
	seq, least := after.Seq, after.Through+1
	if after.Through == 0 {
		least = 0 // nothing is known
	}
	for _, e := range events {
		want, ok := next(seq)
		if !ok || int64(e.Sequence) != want {
			return fmt.Errorf("%w: event %d follows on %d", chains.ErrGap, e.Sequence, seq)
		}
		if v := int64(e.Version); v < least || v > version {
			return fmt.Errorf("event %d is of version %d, not between %d and %d", e.Sequence, v, least, version)
		}
		seq, least = want, int64(e.Version)
	}
	return nil
}

// successor returns the function from a number to the one that must follow.
func (c *Chain) successor(source markets.Source, after int64) func(int64) (int64, bool) {
	var recorded []int64
	if c.numbers != nil {
		recorded = c.numbers(source)
	}
	if recorded == nil {
		return func(seq int64) (int64, bool) { return seq + 1, true }
	}
	at, _ := slices.BinarySearch(recorded, after+1)
	return func(int64) (int64, bool) {
		if at == len(recorded) {
			return 0, false
		}
		at++
		return recorded[at-1], true
	}
}

// raws joins events with the transactions that they are of.
func (c *Chain) raws(ctx context.Context, events []event) ([]markets.Raw, error) {
	if len(events) == 0 {
		return nil, nil
	}
	transactions, err := c.fetch(ctx, events)
	if err != nil {
		return nil, err
	}
	raws := make([]markets.Raw, len(events))
	for i, e := range events {
		if raws[i], err = raw(e, transactions[int64(e.Version)]); err != nil {
			return nil, c.node.Errorf("event %d of version %d: %w", e.Sequence, e.Version, err)
		}
		if i > 0 && !raws[i].Position.After(raws[i-1].Position) {
			return nil, c.node.Errorf("event %d stands at %v, the one before it at %v", e.Sequence, raws[i].Position, raws[i-1].Position)
		}
	}
	return raws, nil
}

func raw(e event, t *transaction) (markets.Raw, error) {
	h, _ := e.handle()
	index, ok := t.indices[eventKey{h, int64(e.Sequence)}]
	if !ok {
		return markets.Raw{}, fmt.Errorf("its transaction does not have it")
	}
	eventType, err := longType(e.Type)
	return markets.Raw{
		Position:    markets.Position{Height: int64(e.Version), Log: index},
		Seq:         int64(e.Sequence),
		Transaction: t.hash,
		Time:        t.time,
		Type:        eventType,
		JSON:        e.Data,
		Ledger:      t.ledger,
	}, err
}

// fetch returns the transactions of events by version, a few asked for at once.
func (c *Chain) fetch(ctx context.Context, events []event) (map[int64]*transaction, error) {
	var versions []int64
	for _, e := range events {
		versions = append(versions, int64(e.Version))
	}
	versions = slices.Compact(versions)
	found := make([]*transaction, len(versions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxTransactions)
	for i, version := range versions {
		group.Go(func() (err error) {
			found[i], err = c.transaction(ctx, version)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	transactions := make(map[int64]*transaction, len(versions))
	for i, version := range versions {
		transactions[version] = found[i]
	}
	return transactions, nil
}

// transaction returns the transaction of a version. However many handles ask, the
// node is asked once.
func (c *Chain) transaction(ctx context.Context, version int64) (*transaction, error) {
	kept := func() (*transaction, bool) { return c.transactions.Get(version) }
	return shared(ctx, &c.flights, strconv.FormatInt(version, 10), kept, func() (*transaction, error) {
		t, err := c.node.transaction(c.life, version)
		if err == nil {
			c.transactions.Add(version, t)
		}
		return t, err
	})
}

// shared returns what is kept, or fetches it once for all who ask for it at a time. The
// fetch serves others too, so that it does not end with this context.
func shared[T any](ctx context.Context, flights *singleflight.Group, key string, kept func() (T, bool), fetch func() (T, error)) (T, error) {
	if t, ok := kept(); ok {
		return t, nil
	}
	flight := flights.DoChan(key, func() (any, error) {
		if t, ok := kept(); ok { // by the flight before
			return t, nil
		}
		return fetch()
	})
	select {
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	case result := <-flight:
		t, _ := result.Val.(T)
		return t, result.Err
	}
}
