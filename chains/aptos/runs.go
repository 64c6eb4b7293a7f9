package aptos

import (
	"context"
	"fmt"
)

// closeness is how far apart transactions may be that are asked for at once.
type closeness struct {
	gap  int64 // versions from one to the next: reading through them costs less than a request
	span int64 // versions from the first to the last
}

var (
	closeInREST   = closeness{25, pageSize}
	closeInStream = closeness{200, 1000}
)

// runs splits versions, in order, into such as lie close enough to be asked for at once.
func runs(versions []int64, near closeness) (out [][]int64) {
	for i, v := range versions {
		if last := len(out) - 1; i > 0 && v-versions[i-1] <= near.gap && v-out[last][0] < near.span {
			out[last] = append(out[last], v)
		} else {
			out = append(out, []int64{v})
		}
	}
	return out
}

// run returns transactions of versions that lie close to each other, as far as they
// were answered.
func (c *Chain) run(ctx context.Context, versions []int64) (map[int64]*transaction, error) {
	out := make(map[int64]*transaction, len(versions))
	for len(versions) > 1 {
		answered, err := c.together(ctx, versions)
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

// together asks for transactions at once. At least the first of them is returned.
func (c *Chain) together(ctx context.Context, versions []int64) ([]*transaction, error) {
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
	return shared(ctx, &c.flights, fmt.Sprint("run ", versions), kept, func() ([]*transaction, error) {
		answered, err := c.answered(versions)
		for _, t := range answered {
			c.transactions.Add(t.ledger.Version, t)
		}
		return answered, err
	})
}

// answered asks for transactions at once: over the stream if there is one, or by the
// REST API.
func (c *Chain) answered(versions []int64) ([]*transaction, error) {
	if c.stream.usable() {
		answered, err := c.stream.transactions(c.life, versions)
		if c.stream.note(c.life, err) == nil || c.life.Err() != nil {
			return answered, err
		}
	}
	return c.node.transactions(c.life, versions)
}
