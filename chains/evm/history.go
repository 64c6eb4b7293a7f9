package evm

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// history is from which block on endpoints were seen to have logs. A node that has
// pruned its receipts keeps the headers and answers eth_getLogs with [].
type history struct {
	mu      sync.Mutex
	known   map[*endpoint.Endpoint]proof
	sampled map[*endpoint.Endpoint]time.Time // when a sample last proved nothing

	sampling sync.Mutex // held while an endpoint's headers are sampled
}

// proof is that an endpoint has logs from a block on, and when that was seen.
type proof struct {
	from int64
	at   time.Time
}

// provenFor is how long an endpoint is taken to keep what it was seen to have.
const provenFor = 10 * time.Minute

func (h *history) proven(e *endpoint.Endpoint, from int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, ok := h.known[e]
	return ok && p.from <= from && time.Since(p.at) < provenFor
}

func (h *history) prove(e *endpoint.Endpoint, from int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[*endpoint.Endpoint]proof{}
	}
	p, ok := h.known[e]
	if !ok || from < p.from || time.Since(p.at) > provenFor/2 {
		h.known[e] = proof{from, time.Now()}
	}
}

// silentFor is the pause between samples of an endpoint after one that proved nothing.
const silentFor = time.Minute

// silent says whether a recent sample of the endpoint's headers proved nothing.
func (h *history) silent(e *endpoint.Endpoint) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.sampled[e]) < silentFor
}

func (h *history) noteSilence(e *endpoint.Endpoint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sampled == nil {
		h.sampled = map[*endpoint.Endpoint]time.Time{}
	}
	h.sampled[e] = time.Now()
}

// sampled is how many headers are looked at to find a block that has logs.
const sampled = 100

// checkRange makes sure that the logs of a range are not missing because the endpoint
// has pruned them, or has left them out: where its history is not proven, where a range
// holds far fewer than those before it did, and where a range without any is so recent
// that a back end that lags may not have it.
func (c *Chain) checkRange(ctx context.Context, n client, in interest, first, last int64, raws []markets.Raw, end header) error {
	if len(raws) > 0 && raws[0].Seq == first {
		c.history.prove(n.Endpoint, first)
	}
	surprising := c.backfill.sizes.surprises(last-first+1, len(raws)) || len(raws) == 0 && isRecent(n, last)
	if !surprising {
		c.history.sampling.Lock() // one sample serves all windows in flight
		defer c.history.sampling.Unlock()
		if c.history.proven(n.Endpoint, first) || len(raws) == 0 && c.history.silent(n.Endpoint) {
			return nil
		}
	}
	until := last
	if len(raws) > 0 && !surprising {
		until = raws[0].Seq - 1
	}
	sample, err := c.checkHistory(ctx, n, first, until)
	if err != nil {
		return err
	}
	for _, h := range sample {
		if lacks, err := c.lacksOf(ctx, n, in, h, raws); err != nil {
			return err
		} else if lacks {
			return n.Errorf("%w: some of block %d", errIncomplete, h.number)
		}
	}
	if len(raws) > 0 || end.bloom.says() {
		c.history.prove(n.Endpoint, first)
	} else {
		c.history.noteSilence(n.Endpoint)
	}
	return nil
}

// isRecent says whether a block is near the endpoint's head.
func isRecent(n client, block int64) bool { return block > n.Status().Height-2*sampled }

// checkHistory makes sure that an endpoint has the logs of blocks: of one of a sample
// whose bloom says that it has any. Where no bloom says so there is nothing to miss. It
// returns the headers of the sample.
func (c *Chain) checkHistory(ctx context.Context, n client, first, last int64) ([]header, error) {
	first = max(first, 0)
	if last < first {
		return nil, nil
	}
	count := min(last-first+1, int64(min(sampled, 20*c.cfg.MaxBatch)))
	headers := make([]header, count)
	calls := make([]*call, count)
	for i := range calls {
		from, to := first+int64(i)*(last-first+1)/count, first+int64(i+1)*(last-first+1)/count
		calls[i] = blockByNumber(quantity(from+rand.Int64N(to-from)), &headers[i])
	}
	if err := n.do(ctx, calls...); err != nil {
		return nil, err
	}
	missing := 0
	for _, h := range headers {
		switch {
		case h.hash == "":
			missing++
		case h.bloom.says():
			return headers, c.checkLogs(ctx, n, h)
		}
	}
	if missing > len(headers)/2 && missing > maxEmpty {
		n.PrunedBelow(last + 1)
		return nil, n.Errorf("%w: it has no blocks from %d to %d: %s", chains.ErrPruned, first, last, prunedAdvice)
	}
	return headers, nil
}

// errIncomplete says that an endpoint's logs lack some that its receipts have.
var errIncomplete = errors.New("logs are missing from an answer")

const prunedAdvice = "use an endpoint that keeps the whole history, or a later start"

// checkLogs makes sure that an endpoint has the logs of a block whose bloom says that it
// has some.
func (c *Chain) checkLogs(ctx context.Context, n client, h header) error {
	_, raws, err := c.blockOn(ctx, n, filter{}, h.number, h.hash)
	switch {
	case err != nil && endpoint.RefusalOf(err).IsSize(): // too many
	case err != nil:
		return err
	case len(raws) == 0:
		if whole, err := c.receiptsOn(ctx, n, h.number, h.hash); err == nil && len(whole) > 0 {
			return n.Errorf("%w: none of block %d", errIncomplete, h.number)
		}
		n.PrunedBelow(h.number + 1)
		return n.Errorf("%w: it has no logs of block %d, though that block's bloom says that there are some: %s", chains.ErrPruned, h.number, prunedAdvice)
	}
	c.history.prove(n.Endpoint, h.number)
	return nil
}

// lacks says whether logs are missing from a range, going by the headers below its end
// that were read before: near the head, those of all its blocks.
func (c *Chain) lacks(ctx context.Context, n client, in interest, first int64, end header, raws []markets.Raw) (bool, error) {
	for h, ok := c.headers.Get(end.parent); ok && h.number >= first; h, ok = c.headers.Get(h.parent) {
		if lacks, err := c.lacksOf(ctx, n, in, h, raws); lacks || err != nil {
			return lacks, err
		}
	}
	return false, nil
}

// lacksOf says whether logs of a block are missing from a range.
func (c *Chain) lacksOf(ctx context.Context, n client, in interest, h header, raws []markets.Raw) (bool, error) {
	from, _ := slices.BinarySearchFunc(raws, h.number, func(r markets.Raw, height int64) int { return cmp.Compare(r.Seq, height) })
	to := from
	for to < len(raws) && raws[to].Seq == h.number {
		to++
	}
	own := raws[from:to:to]
	if h.hash == "" || !in.misses(h.bloom, own) {
		return false, nil
	}
	settled, err := c.settle(ctx, n, in, h, own)
	return len(settled) > len(own), err
}

// inspect returns the logs of a range of which some were missing from an answer, or may
// belong to another chain: every block is held against its header, by its hash and its
// bloom, and every header against the one above it.
func (c *Chain) inspect(ctx context.Context, n client, in interest, first int64, end header, raws []markets.Raw) ([]markets.Raw, error) {
	var all []markets.Raw
	below := "" // the hash of the block below
	for from := first; from <= end.number; {
		to := min(from+int64(c.cfg.MaxBatch), end.number+1)
		headers, err := c.headersOf(ctx, n, from, to)
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
			case len(own) > 0 && own[0].Block != h.hash, h.hash != "" && below != "" && h.parent != below, number == end.number && h.hash != end.hash:
				return nil, n.Errorf("%w: logs or headers at block %d are of two chains", chains.ErrReorganised, number)
			case h.hash == "":
				continue
			}
			below = h.hash
			if own, err = c.settle(ctx, n, in, h, own); err != nil {
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
