package aptos

import (
	"context"
	"fmt"
)

// grouping is how far apart transactions may be that are asked for at once.
type grouping struct {
	gap  int64 // versions from one to the next: reading through them costs less than a request
	span int64 // versions from the first to the last
}

var (
	restGrouping   = grouping{25, pageSize}
	streamGrouping = grouping{200, 1000}
)

// splitRuns splits versions, in order, into such as lie close enough to be asked for at once.
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

// fetchRun returns transactions of versions that lie close to each other, as far as they
// were answered.
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
		versions = versions[len(answered):] // a node may give fewer than it was asked for
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

// fetchTogether asks for transactions at once. At least the first of them is returned.
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

// askTogether asks for transactions at once: over the stream if there is one, or by the
// REST API.
func (c *Chain) askTogether(versions []int64) ([]*transaction, error) {
	if c.stream.usable() {
		answered, err := c.stream.transactions(c.ctx, versions)
		if c.stream.noteResult(c.ctx, err) == nil || c.ctx.Err() != nil {
			return answered, err
		}
	}
	return c.node.transactions(c.ctx, versions)
}
