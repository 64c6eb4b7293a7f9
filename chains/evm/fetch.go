package evm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// part is what one request for logs of final blocks brought.
type part struct {
	first, last int64
	hash        string // of the block at last
	raws        []markets.Raw
	from        *endpoint.Endpoint
}

// interest is the sources that logs are fetched for.
type interest struct {
	keys map[string]bool
	all  filter            // their union
	each map[string]filter // by key
}

// fetch fetches the logs of the blocks from first on: of as many as an endpoint answers,
// at most to last. Whatever fails twice for several blocks is asked for in fewer.
func (c *Chain) fetch(ctx context.Context, in interest, first, last int64) (part, error) {
	var suspect int64 // blocks of a range that was refused for its rate, as it says
	for strikes := 0; ; {
		var got part
		var asked *rangeCall
		err := c.use(ctx, endpoint.Need{From: first, To: last}, func(ctx context.Context, n client) (err error) {
			to := min(last, first+n.Limits.Blocks(last-first+1)-1)
			asked = &rangeCall{chain: c, in: in, first: first, last: to}
			got, err = asked.on(ctx, n)
			return err
		})
		if err == nil {
			if suspect > 0 && got.last-first+1 < suspect { // it was the range
				asked.node.Limits.BlocksRefused(suspect, endpoint.Refusal{})
			}
			return got, nil
		}
		if ctx.Err() != nil || asked == nil || isOfTheChain(err) || !asked.alive() && !asked.broke(ctx, err) {
			return part{}, err
		}
		refusal := endpoint.RefusalOf(err)
		blocks := asked.last - first + 1
		switch {
		case blocks == 1:
			return c.fetchOne(ctx, in, first, err)
		case refusal.Class == endpoint.TooManyAddresses:
			asked.node.Limits.AddressesRefused(min(len(in.all.addresses), asked.addresses), refusal.Limit)
		case refusal.IsSize():
			asked.node.Limits.BlocksRefused(blocks, refusal)
			if refusal.From <= first && first <= refusal.To && refusal.To < asked.last {
				last = refusal.To
			}
		case refusal.IsRate():
			suspect, last = blocks, first+blocks/2-1
		default:
			if strikes++; strikes == 2 || refusal.Class == endpoint.Timeout {
				asked.node.Limits.BlocksRefused(blocks, refusal)
				strikes = 0
			}
		}
	}
}

// isOfTheChain says whether an error tells something of the chain, which asking for
// less does not change.
func isOfTheChain(err error) bool {
	return slices.ContainsFunc([]error{chains.ErrAhead, chains.ErrReorganised, chains.ErrWrongChain, chains.ErrPruned, endpoint.ErrBudget},
		func(target error) bool { return errors.Is(err, target) })
}

// rangeCall is a request for the logs of a range of final blocks.
type rangeCall struct {
	chain       *Chain
	in          interest
	first, last int64

	node      *client
	addresses int // at most, in one filter
	ours      *call
	logs      []*call
	null      bool // some were answered with null: nothing, or no answer, as the blooms tell
}

// alive says whether the endpoint answered something, though not the logs: then it is
// the range that it does not answer.
func (r *rangeCall) alive() bool {
	return r.ours.answered && (len(unanswered(r.logs)) > 0 || firstError(r.logs) != nil)
}

// broke says whether the request alone has ended a connection that is kept, as some nodes
// do where an answer is too large for it.
func (r *rangeCall) broke(ctx context.Context, err error) bool {
	return r.node != nil && r.node.KeepsConnection() && endpoint.ClassOf(err) == endpoint.Transport && r.chain.verify(ctx, *r.node) == nil
}

// rangeTimeout bounds a request for several blocks, whatever is configured for one.
const rangeTimeout = 10 * time.Second

// maxAddresses is how many addresses a filter may name (geth's limit).
const maxAddresses = 1000

// on asks an endpoint. The chain id and the header of the last block come in the same
// request: an endpoint that has the last block has seen the range.
func (r *rangeCall) on(ctx context.Context, n client) (part, error) {
	c := r.chain
	if r.last > r.first { // fewer blocks take less time
		ctx = endpoint.WithTimeout(ctx, rangeTimeout)
	}
	var id int64
	var end header
	r.node, r.addresses = &n, n.Limits.Addresses(maxAddresses)
	r.ours = chainID(&id)
	getEnd := blockByNumber(quantity(r.last), &end)
	var scans []*logScan
	for _, query := range r.in.all.queries(r.addresses) {
		query["fromBlock"], query["toBlock"] = quantity(r.first), quantity(r.last)
		scan := new(logScan)
		scans = append(scans, scan)
		r.logs = append(r.logs, &call{method: "eth_getLogs", params: []any{query}, result: scan.into})
	}
	if err := n.send(ctx, append([]*call{r.ours, getEnd}, r.logs...)...); err != nil {
		return part{}, err
	}
	if err := firstError([]*call{r.ours, getEnd}); err != nil {
		return part{}, err
	}
	if err := c.isOurs(n, id); err != nil {
		return part{}, err
	}
	if end.hash == "" { // whatever it says of the logs
		below, err := c.atOrBelow(ctx, n, r.last)
		if err != nil {
			return part{}, err
		}
		end = below
	} else if end.number != r.last {
		return part{}, n.Malformed("asked for block %d, answered with block %d", r.last, end.number)
	}
	if err := firstError(r.logs); err != nil {
		return part{}, err
	}
	n.Saw(r.last)
	var raws []markets.Raw
	for _, scan := range scans {
		if r.null = r.null || scan.null; r.null && c.blooms.hollow.Load() {
			return part{}, n.Malformed("eth_getLogs of blocks %d to %d: null", r.first, r.last)
		}
		raws = append(raws, scan.raws...)
	}
	return r.checked(ctx, n, end, raws)
}

// distrusted is how long every block of an endpoint's ranges is verified after the
// endpoint served another chain.
const distrusted = 10 * time.Minute

// checked is the part that logs are, once they were checked.
func (r *rangeCall) checked(ctx context.Context, n client, end header, raws []markets.Raw) (part, error) {
	c := r.chain
	raws, err := verify(raws, r.in.all, r.first, r.last)
	if err != nil {
		return part{}, n.Malformed("eth_getLogs of blocks %d to %d: %w", r.first, r.last, err)
	}
	i := len(raws)
	for i > 0 && raws[i-1].Seq == end.number {
		i--
	}
	if i < len(raws) && raws[i].Block != end.hash {
		return part{}, n.Errorf("%w: logs of block %d are not of %s", chains.ErrReorganised, end.number, end.hash)
	}
	history := c.checkRange(ctx, n, r.in, r.first, r.last, raws, end)
	if history != nil && !errors.Is(history, errIncomplete) {
		return part{}, history
	}
	settled, err := c.settle(ctx, n, r.in, end, raws[i:])
	if err != nil {
		return part{}, err
	}
	n.Limits.BlocksAnswered(r.last - r.first + 1)
	missing := r.null || history != nil || len(settled) > len(raws)-i
	if !missing {
		if missing, err = c.lacks(ctx, n, r.in, r.first, end, raws); err != nil {
			return part{}, err
		}
	}
	switch {
	case missing: // where one log was missing, others may be
		c.cfg.Log.WarnContext(ctx, "logs were missing from an answer: its blocks are looked at one by one", "endpoint", n.Host(), "first", r.first, "last", r.last)
		raws, err = c.inspect(ctx, n, r.in, r.first, end, raws)
	case n.WasWrongWithin(distrusted): // one batch may have been answered by two chains
		raws, err = c.inspect(ctx, n, r.in, r.first, end, raws)
	case len(settled) > 0:
		raws = append(raws[:i:i], settled...)
	}
	return part{r.first, r.last, end.hash, raws, n.Endpoint}, err
}

// verify puts logs in order and checks that they are what was asked for: of the filter,
// of blocks within a range, and of one block at each height. Logs that came twice are
// left out.
func verify(raws []markets.Raw, f filter, first, last int64) ([]markets.Raw, error) {
	inOrder := slices.IsSortedFunc(raws, comparePositions)
	if !inOrder {
		slices.SortStableFunc(raws, comparePositions)
	}
	kept := raws[:0]
	for i := range raws {
		raw := &raws[i]
		if raw.Seq < first || raw.Seq > last {
			return nil, fmt.Errorf("log of block %d was not asked for", raw.Seq)
		}
		if !f.matches(raw) {
			return nil, fmt.Errorf("log of contract %x at %v was not asked for", raw.Address, raw.Position)
		}
		if len(kept) == 0 {
			kept = append(kept, *raw)
			continue
		}
		before := &kept[len(kept)-1]
		if raw.Seq == before.Seq && raw.Block != before.Block {
			return nil, fmt.Errorf("logs of two blocks at height %d", raw.Seq)
		}
		if !raw.Position.After(before.Position) {
			if isTwice(kept, raw) {
				continue
			}
			raw.Position.Log = before.Position.Log + 1 // some chains give one index to several logs
		}
		kept = append(kept, *raw)
	}
	return kept, nil
}

func comparePositions(a, b markets.Raw) int {
	return cmp.Or(
		cmp.Compare(a.Position.Height, b.Position.Height),
		cmp.Compare(a.Position.Transaction, b.Position.Transaction),
		cmp.Compare(a.Position.Log, b.Position.Log),
	)
}

// isTwice says whether the last of the logs that were kept, of the same transaction,
// hold one that is the same.
func isTwice(kept []markets.Raw, raw *markets.Raw) bool {
	for i := len(kept) - 1; i >= 0 && kept[i].Transaction == raw.Transaction && kept[i].Position.Log >= raw.Position.Log; i-- {
		if identical(&kept[i], raw) {
			return true
		}
	}
	return false
}
