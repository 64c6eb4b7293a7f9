package aptos

import (
	"context"
	"fmt"
)

// near is how many versions between two transactions are rather read than asked around:
// a request costs a node, and its limit, about as much.
const near = 25

// runs splits versions, in order, into such as lie close enough to be asked for at once.
func runs(versions []int64) (out [][]int64) {
	for i, v := range versions {
		if last := len(out) - 1; i > 0 && v-versions[i-1] <= near && v-out[last][0] < pageSize {
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
		answered, err := c.node.transactions(c.life, versions)
		for _, t := range answered {
			c.transactions.Add(t.ledger.Version, t)
		}
		return answered, err
	})
}
