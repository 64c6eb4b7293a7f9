package aptos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

const maxTransactions = 8 // requests of one Read in flight

// joinEvents joins events with their transactions. If a transaction cannot be read it returns
// the events before it.
func (c *Chain) joinEvents(ctx context.Context, events []event) ([]markets.Raw, error) {
	transactions, failed := c.fetchTransactions(ctx, events)
	raws := make([]markets.Raw, 0, len(events))
	for i, e := range events {
		t := transactions[int64(e.Version)]
		if t == nil {
			break
		}
		r, err := joinEvent(e, t)
		if err != nil {
			c.transactions.Remove(int64(e.Version)) // one of the two answers is wrong
			return nil, c.node.Errorf("event %d of version %d: %w", e.Sequence, e.Version, err)
		}
		if i > 0 && !r.Position.After(raws[i-1].Position) {
			c.transactions.Remove(int64(e.Version))
			return nil, c.node.Errorf("event %d is at %v, the one before it at %v", e.Sequence, r.Position, raws[i-1].Position)
		}
		raws = append(raws, r)
	}
	if len(raws) == 0 {
		return nil, failed
	}
	return raws, nil
}

func joinEvent(e event, t *transaction) (markets.Raw, error) {
	h, _ := e.handle()
	index, ok := t.indices[eventKey{h, int64(e.Sequence)}]
	if !ok {
		return markets.Raw{}, fmt.Errorf("its transaction lacks it")
	}
	eventType, err := fullType(e.Type)
	if err != nil {
		return markets.Raw{}, err
	}
	data, err := canonical(e.Data)
	return markets.Raw{
		Position:    markets.Position{Height: int64(e.Version), Log: index},
		Seq:         int64(e.Sequence),
		Transaction: t.hash,
		Time:        t.time,
		Type:        eventType,
		JSON:        data,
		Ledger:      t.ledger,
	}, err
}

// fetchTransactions returns the transactions of events by version, several requests at a time.
// What was answered is returned beside the first error, after which no more are asked for.
func (c *Chain) fetchTransactions(ctx context.Context, events []event) (map[int64]*transaction, error) {
	transactions := map[int64]*transaction{}
	var versions []int64
	for _, e := range events {
		if t, ok := c.transactions.Get(int64(e.Version)); ok {
			transactions[int64(e.Version)] = t
		} else {
			versions = append(versions, int64(e.Version))
		}
	}
	near := restGrouping
	if c.stream.usable() {
		near = streamGrouping
	}
	all := splitRuns(slices.Compact(versions), near)
	failed := len(all) // the first run that failed
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(maxTransactions)
	for i, run := range all {
		group.Go(func() error {
			mu.Lock()
			skip := failed < i
			mu.Unlock()
			if skip {
				return nil
			}
			answered, err := c.fetchRun(ctx, run)
			mu.Lock()
			defer mu.Unlock()
			if maps.Copy(transactions, answered); err != nil {
				failed = min(failed, i)
			}
			return err
		})
	}
	return transactions, group.Wait()
}

// grouping is how close transactions must be to be asked for in one request.
type grouping struct {
	gap  int64 // versions between two: reading these costs less than a request
	span int64 // versions from the first to the last
}

var (
	restGrouping   = grouping{25, pageSize}
	streamGrouping = grouping{200, 1000}
)

// splitRuns splits sorted versions into runs that are close enough for one request.
func splitRuns(versions []int64, near grouping) (out [][]int64) {
	for i, v := range versions {
		if last := len(out) - 1; i > 0 && v-versions[i-1] <= near.gap && v-out[last][0] < near.span {
			out[last] = append(out[last], v)
		} else {
			out = append(out, []int64{v})
		}
	}
	return out
}

// fetchRun returns the transactions of versions that are close together, as far as they were
// answered.
func (c *Chain) fetchRun(ctx context.Context, versions []int64) (map[int64]*transaction, error) {
	out := make(map[int64]*transaction, len(versions))
	for len(versions) > 1 {
		answered, err := c.fetchTogether(ctx, versions)
		if err != nil {
			return out, err
		}
		for _, t := range answered {
			out[t.ledger.Version] = t
		}
		versions = versions[len(answered):] // a node may give fewer than requested
	}
	if len(versions) == 1 {
		t, err := c.transaction(ctx, versions[0])
		if err != nil {
			return out, err
		}
		out[versions[0]] = t
	}
	return out, nil
}

// fetchTogether asks for transactions in one request. At least the first is returned.
func (c *Chain) fetchTogether(ctx context.Context, versions []int64) ([]*transaction, error) {
	kept := func() ([]*transaction, bool) {
		var all []*transaction
		for _, v := range versions {
			t, ok := c.transactions.Get(v)
			if !ok {
				return nil, false
			}
			all = append(all, t)
		}
		return all, true
	}
	return fetchOnce(ctx, &c.flights, fmt.Sprint("run ", versions), kept, func() ([]*transaction, error) {
		answered, err := c.askTogether(versions)
		for _, t := range answered {
			c.transactions.Add(t.ledger.Version, t)
		}
		return answered, err
	})
}

// askTogether asks for transactions over the stream if there is one, else by the REST API.
func (c *Chain) askTogether(versions []int64) ([]*transaction, error) {
	if c.stream.usable() {
		answered, err := c.stream.transactions(c.ctx, versions)
		if c.stream.noteResult(c.ctx, err) == nil || c.ctx.Err() != nil {
			return answered, err
		}
	}
	return c.node.transactions(c.ctx, versions)
}

// transaction returns the transaction of a version. However many handles ask, the node is
// asked once.
func (c *Chain) transaction(ctx context.Context, version int64) (*transaction, error) {
	kept := func() (*transaction, bool) { return c.transactions.Get(version) }
	return fetchOnce(ctx, &c.flights, strconv.FormatInt(version, 10), kept, func() (*transaction, error) {
		t, err := c.node.transaction(c.ctx, version)
		if errors.Is(err, chains.ErrPruned) && c.stream.usable() {
			t, err = c.transactionFromStream(version)
		}
		if err == nil {
			c.transactions.Add(version, t)
		}
		return t, err
	})
}

// transactionFromStream returns a transaction that the node has pruned: the stream has them
// all.
func (c *Chain) transactionFromStream(version int64) (*transaction, error) {
	answered, err := c.stream.transactions(c.ctx, []int64{version})
	if c.stream.noteResult(c.ctx, err) != nil {
		return nil, err
	}
	return answered[0], nil
}

// fetchOnce returns what is cached, or fetches it once for all concurrent callers. The fetch
// outlives this context, as it serves others, too.
func fetchOnce[T any](ctx context.Context, flights *singleflight.Group, key string, kept func() (T, bool), fetch func() (T, error)) (T, error) {
	if t, ok := kept(); ok {
		return t, nil
	}
	flight := flights.DoChan(key, func() (any, error) {
		if t, ok := kept(); ok { // by the previous flight
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
