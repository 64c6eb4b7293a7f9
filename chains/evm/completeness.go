package evm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/internal/random"
	"github.com/imart/event-worker/markets"
)

// sampleSize is how many headers are sampled to find a block that has logs.
const sampleSize = 100

// checkRange decides whether the logs of a range are believed, and above all whether their
// absence is: the endpoint may have pruned them, dropped them, or lag. A sample of the range's
// headers is checked where the endpoint's history is not proven, where the range holds far
// fewer logs than those before it, and where an empty range is so recent that a lagging back
// end may not have it.
func (c *Chain) checkRange(ctx context.Context, n jsonrpc.Client, in eth.Interest, first, last int64, raws []markets.Raw, end eth.Header) error {
	if len(raws) > 0 && raws[0].Seq == first {
		c.history.prove(n.Endpoint, first)
	}
	surprising := c.backfill.SuspiciouslyFew(last-first+1, len(raws)) || len(raws) == 0 && nearHead(n, last)
	if !surprising {
		if err := c.history.sampling.Acquire(ctx, 1); err != nil { // concurrent windows share one proof
			return err
		}
		defer c.history.sampling.Release(1)
		if c.history.proven(n.Endpoint, first) || len(raws) == 0 && c.history.inconclusive(n.Endpoint) {
			return nil
		}
	}
	until := last
	if len(raws) > 0 && !surprising {
		until = raws[0].Seq - 1
	}
	sample, err := c.sampleHistory(ctx, n, first, until)
	if err != nil {
		return err
	}
	for _, h := range sample {
		if lacks, err := c.isMissingFrom(ctx, n, in, h, raws); err != nil {
			return err
		} else if lacks {
			return n.Errorf("%w: some of block %d", errIncomplete, h.Number)
		}
	}
	if len(raws) > 0 || end.Bloom.Informative() {
		c.history.prove(n.Endpoint, first)
	} else {
		c.history.noteInconclusive(n.Endpoint)
	}
	return nil
}

// nearHead says whether a block is near the endpoint's head.
func nearHead(n jsonrpc.Client, block int64) bool { return block > n.Status().Height-2*sampleSize }

// sampleHistory checks that an endpoint has the logs of a range: those of the first sampled
// block whose bloom has any. Where no bloom has any, nothing can be missing. It returns the
// sampled headers.
func (c *Chain) sampleHistory(ctx context.Context, n jsonrpc.Client, first, last int64) ([]eth.Header, error) {
	first = max(first, 0)
	if last < first {
		return nil, nil
	}
	count := min(last-first+1, int64(min(sampleSize, 20*c.cfg.MaxBatch)))
	headers := make([]eth.Header, count)
	calls := make([]*jsonrpc.Call, count)
	for i := range calls {
		from, to := first+int64(i)*(last-first+1)/count, first+int64(i+1)*(last-first+1)/count
		calls[i] = eth.BlockByNumber(eth.Quantity(from+random.N(to-from)), &headers[i])
	}
	if err := n.Do(ctx, calls...); err != nil {
		return nil, err
	}
	missing := 0
	for _, h := range headers {
		switch {
		case h.Hash == "":
			missing++
		case h.Bloom.Informative():
			return headers, c.proveLogs(ctx, n, h)
		}
	}
	if missing > len(headers)/2 && missing > maxEmptyHeights {
		n.MarkPrunedBelow(last + 1)
		return nil, n.Errorf("%w: no blocks from %d to %d: %s", chains.ErrPruned, first, last, prunedAdvice)
	}
	return headers, nil
}

// errIncomplete: an endpoint's eth_getLogs lacks logs that its receipts have.
var errIncomplete = errors.New("logs are missing from an answer")

const prunedAdvice = "use an endpoint that keeps the whole history, or a later start"

// proveLogs checks that an endpoint has the logs of a block whose bloom has some.
func (c *Chain) proveLogs(ctx context.Context, n jsonrpc.Client, h eth.Header) error {
	_, raws, err := c.blockLogsFrom(ctx, n, eth.Filter{}, h.Number, h.Hash)
	switch {
	case err != nil && endpoint.RefusalOf(err).IsSize(): // too many
	case err != nil:
		return err
	case len(raws) == 0:
		switch whole, err := c.receiptsFrom(ctx, n, h.Number, h.Hash); {
		case err == nil && len(whole) > 0:
			return n.Errorf("%w: none of block %d", errIncomplete, h.Number)
		case err != nil && isTransient(err):
			return err
		}
		n.MarkPrunedBelow(h.Number + 1)
		return n.Errorf("%w: no logs of block %d, although its bloom has some: %s", chains.ErrPruned, h.Number, prunedAdvice)
	}
	c.history.prove(n.Endpoint, h.Number)
	return nil
}

// isTransient says whether an error may disappear by itself: it says nothing about what the
// endpoint has.
func isTransient(err error) bool {
	switch endpoint.ClassOf(err) {
	case endpoint.Timeout, endpoint.Transport, endpoint.RateLimited, endpoint.ComputeUnits:
		return true
	}
	return false
}

// isMissingKnown says whether logs are missing from a range according to the cached headers
// below its end: near the head, those of all its blocks.
func (c *Chain) isMissingKnown(ctx context.Context, n jsonrpc.Client, in eth.Interest, first int64, end eth.Header, raws []markets.Raw) (bool, error) {
	for h, ok := c.headers.Get(end.Parent); ok && h.Number >= first; h, ok = c.headers.Get(h.Parent) {
		if lacks, err := c.isMissingFrom(ctx, n, in, h, raws); lacks || err != nil {
			return lacks, err
		}
	}
	return false, nil
}

// isMissingFrom says whether logs of one block are missing from a range.
func (c *Chain) isMissingFrom(ctx context.Context, n jsonrpc.Client, in eth.Interest, h eth.Header, raws []markets.Raw) (bool, error) {
	from, _ := slices.BinarySearchFunc(raws, h.Number, func(r markets.Raw, height int64) int { return cmp.Compare(r.Seq, height) })
	to := from
	for to < len(raws) && raws[to].Seq == h.Number {
		to++
	}
	own := raws[from:to:to]
	if h.Hash == "" || !in.IsMissingLogs(h.Bloom, own) {
		return false, nil
	}
	settled, err := c.reconcile(ctx, n, in, h, own)
	return len(settled) > len(own), err
}

// reconcile returns the logs of a block once they agree with its bloom. If they do not,
// another endpoint is asked where there is one, and then the block's receipts. Where two
// answers agree against the bloom they are believed, as blooms have false positives, but not
// while the receipts cannot be read for a moment: both answers may be of the only endpoint.
func (c *Chain) reconcile(ctx context.Context, n jsonrpc.Client, in eth.Interest, h eth.Header, raws []markets.Raw) ([]markets.Raw, error) {
	c.learnBlooms(ctx, n, h, raws)
	if !in.IsMissingLogs(h.Bloom, raws) {
		return raws, nil
	}
	again, err := c.refetch(ctx, n, in, h)
	if err == nil && len(again) > len(raws) {
		c.cfg.Log.WarnContext(ctx, "logs were missing from an answer", "endpoint", n.Host(), "block", h.Number, "logs", len(raws), "of", len(again))
		raws = again
	}
	if !in.IsMissingLogs(h.Bloom, raws) {
		return raws, nil
	}
	whole, errWhole := c.allLogs(ctx, h.Number, h.Hash)
	if errWhole == nil && bytes.Equal(eth.BloomOf(whole), h.Bloom) {
		return in.All.Matching(whole), nil
	}
	switch {
	case err != nil && errWhole != nil: // no second opinion
		return nil, err
	case errWhole != nil && isTransient(errWhole): // the receipts may decide soon
		return nil, errWhole
	}
	c.contradictions.Add(1)
	c.cfg.Log.DebugContext(ctx, "a bloom has logs that two answers lack", "endpoint", n.Host(), "block", h.Number, "hash", h.Hash)
	return raws, nil
}

// refetch asks for the logs of a block again, from another endpoint if there is one.
func (c *Chain) refetch(ctx context.Context, n jsonrpc.Client, in eth.Interest, h eth.Header) (raws []markets.Raw, err error) {
	err = c.pool.UseOther(ctx, n.Endpoint, withBlock(h.Number), func(ctx context.Context, e *endpoint.Endpoint) error {
		_, raws, err = c.blockLogsFrom(ctx, c.client(e), in.All, h.Number, h.Hash)
		return err
	})
	return raws, err
}

// checkEachBlock returns the logs of a range from which some were missing, or which may be of
// another chain: each block's logs must have its header's hash and are reconciled with its
// bloom, and each header must be the parent of the next.
func (c *Chain) checkEachBlock(ctx context.Context, n jsonrpc.Client, in eth.Interest, first int64, end eth.Header, raws []markets.Raw) ([]markets.Raw, error) {
	var all []markets.Raw
	below := "" // the hash of the block below
	for from := first; from <= end.Number; {
		to := min(from+int64(c.cfg.MaxBatch), end.Number+1)
		headers, err := c.headersBetween(ctx, n, from, to)
		if err != nil {
			return nil, err
		}
		for i, h := range headers {
			number := from + int64(i)
			var own []markets.Raw
			for len(raws) > 0 && raws[0].Seq == number {
				own, raws = append(own, raws[0]), raws[1:]
			}
			switch {
			case len(own) > 0 && own[0].Block != h.Hash, h.Hash != "" && below != "" && h.Parent != below, number == end.Number && h.Hash != end.Hash:
				return nil, n.Errorf("%w: logs or headers at block %d are of two chains", chains.ErrReorganised, number)
			case h.Hash == "":
				continue
			}
			below = h.Hash
			if own, err = c.reconcile(ctx, n, in, h, own); err != nil {
				return nil, err
			}
			all = append(all, own...)
		}
		from = to
	}
	if len(raws) > 0 {
		return nil, n.Malformed("logs of block %d, which does not exist", raws[0].Seq)
	}
	return all, nil
}

// bloomTrust is whether a chain's blooms can be trusted. Those of some chains are incomplete:
// all zeros, all ones, or without some of the block's logs.
type bloomTrust struct {
	complete   atomic.Bool // a bloom was seen to have its block's logs
	incomplete atomic.Bool // one was seen not to, or the network is known for it
	probed     atomic.Bool // a header was asked for to find out
}

func (k *bloomTrust) known() bool { return k.complete.Load() || k.incomplete.Load() }

// learn compares a header's bloom with logs of its block. It reports whether it is the first
// that turned out to be incomplete.
func (k *bloomTrust) learn(b eth.Bloom, raws []markets.Raw) bool {
	if len(raws) == 0 || k.incomplete.Load() {
		return false
	}
	if b.Informative() && b.Contains(&raws[0]) {
		k.complete.Store(true)
		return false
	}
	return !k.incomplete.Swap(true)
}

// trusted says whether a block can be skipped because its bloom excludes its logs.
func (k *bloomTrust) trusted() bool { return k.complete.Load() && !k.incomplete.Load() }

// learnBlooms compares a header's bloom with logs of its block, and warns if blooms are
// incomplete.
func (c *Chain) learnBlooms(ctx context.Context, n jsonrpc.Client, h eth.Header, raws []markets.Raw) {
	if c.blooms.learn(h.Bloom, raws) {
		c.cfg.Log.WarnContext(ctx, "a block's bloom lacks its logs: blocks are no longer skipped by their blooms", "endpoint", n.Host(), "block", h.Number)
	}
}

// probeBlooms checks once whether the chain's blooms hold logs, before the blocks at the head
// are asked for one by one. Errors do not matter: those blocks are asked for then.
func (c *Chain) probeBlooms(ctx context.Context, raw markets.Raw) {
	if c.blooms.known() || c.blooms.probed.Swap(true) {
		return
	}
	_ = c.use(ctx, withBlock(raw.Seq), func(ctx context.Context, n jsonrpc.Client) error {
		var h eth.Header
		err := n.Do(ctx, eth.BlockByHash(raw.Block, &h))
		if err == nil && h.Hash == raw.Block {
			c.learnBlooms(ctx, n, h, []markets.Raw{raw})
		}
		return err
	}) // whatever fails, blocks are asked for then
}
