package evm

import (
	"context"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// headersBetween asks for the headers at the heights from ≤ height < to. Heights without a
// block have a zero header.
func (c *Chain) headersBetween(ctx context.Context, n jsonrpc.Client, from, to int64) ([]eth.Header, error) {
	headers := make([]eth.Header, to-from)
	calls := make([]*jsonrpc.Call, len(headers))
	for i := range headers {
		calls[i] = eth.BlockByNumber(eth.Quantity(from+int64(i)), &headers[i])
	}
	err := n.Do(ctx, calls...)
	for i, h := range headers {
		if h.Hash == "" {
			continue
		}
		if number := from + int64(i); h.Number != number {
			return nil, n.Malformed("asked for block %d, answered with block %d", number, h.Number)
		}
		c.headers.Add(h.Hash, h) // kept, whatever failed beside it
	}
	return headers, err
}

// maxEmptyHeights is how many heights in a row may be without a block.
const maxEmptyHeights = 32

// blockAtOrBelow returns the newest block at or below a height without a block. ErrAhead: the
// endpoint has not reached the height. ErrPruned: it has, and no longer has the blocks.
func (c *Chain) blockAtOrBelow(ctx context.Context, n jsonrpc.Client, height int64) (eth.Header, error) {
	var head eth.Header
	below := make([]eth.Header, maxEmptyHeights)
	calls := []*jsonrpc.Call{eth.BlockByNumber("latest", &head)}
	for i := range below {
		if at := height - int64(i); at >= 0 {
			calls = append(calls, eth.BlockByNumber(eth.Quantity(at), &below[i]))
		}
	}
	if err := n.Do(ctx, calls...); err != nil {
		return eth.Header{}, err
	}
	if head.Number < height {
		n.MarkLagging()
		return eth.Header{}, n.Errorf("%w: no block %d, head at %d", chains.ErrAhead, height, head.Number)
	}
	for _, h := range below {
		if h.Hash != "" {
			return h, nil
		}
	}
	n.MarkPrunedBelow(height + 1)
	return eth.Header{}, n.Errorf("%w: no block %d, though its head is at %d: use an endpoint that keeps the whole history, or a later start", chains.ErrPruned, height, head.Number)
}

// finalBlock returns the header of a final block, zero if there is none. No parent hash proves
// it, so the endpoint's chain id is checked in the same request.
func (c *Chain) finalBlock(ctx context.Context, n jsonrpc.Client, number int64) (h eth.Header, err error) {
	var id int64
	if err := n.Do(ctx, eth.ChainID(&id), eth.BlockByNumber(eth.Quantity(number), &h)); err != nil {
		return eth.Header{}, err
	}
	return h, c.checkChainID(n, id)
}

// fillTimes sets the times of events whose logs had none.
func (c *Chain) fillTimes(ctx context.Context, raws []markets.Raw) error {
	times := map[string]time.Time{} // by block hash
	var missing []string
	var need endpoint.Need
	for i := range raws {
		block := raws[i].Block
		if _, seen := times[block]; seen || !raws[i].Time.IsZero() {
			continue
		}
		h, ok := c.headers.Get(block)
		if !ok {
			missing = append(missing, block)
			need.To = max(need.To, raws[i].Seq)
		}
		times[block] = h.Time
	}
	if len(times) == 0 {
		return nil
	}
	fetched, err := c.fetchTimes(ctx, need, missing)
	if err != nil {
		return err
	}
	maps.Copy(times, fetched)
	for i := range raws {
		if raws[i].Time.IsZero() {
			raws[i].Time = times[raws[i].Block]
		}
	}
	return nil
}

// fetchTimes fetches the times of blocks, several requests at a time. What was answered is
// kept, whatever fails beside it.
func (c *Chain) fetchTimes(ctx context.Context, need endpoint.Need, hashes []string) (map[string]time.Time, error) {
	const atOnce = 4
	headers := make([]eth.Header, len(hashes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for from := 0; from < len(hashes); from += c.cfg.MaxBatch {
		to := min(from+c.cfg.MaxBatch, len(hashes))
		group.Go(func() error {
			calls := make([]*jsonrpc.Call, 0, to-from)
			for i := from; i < to; i++ {
				calls = append(calls, eth.BlockByHash(hashes[i], &headers[i]))
			}
			return c.ask(ctx, need, calls...)
		})
	}
	err := group.Wait()
	times := make(map[string]time.Time, len(hashes))
	for i, h := range headers {
		if h.Hash == hashes[i] {
			times[h.Hash] = h.Time
			c.headers.Add(h.Hash, h)
		} else if err == nil {
			err = fmt.Errorf("%w: no block %s, although its logs were returned", chains.ErrAhead, hashes[i])
		}
	}
	if err != nil {
		return nil, err
	}
	return times, nil
}
