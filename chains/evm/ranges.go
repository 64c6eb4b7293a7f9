package evm

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/backfill"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// fetchRange fetches the logs of final blocks from first on: of as many as an endpoint
// answers, at most to last. A range that fails twice is asked for in fewer blocks.
func (c *Chain) fetchRange(ctx context.Context, in eth.Interest, first, last int64) (backfill.Range, error) {
	var suspect int64 // length of a range that was refused as if for its rate
	for strikes := 0; ; {
		var got backfill.Range
		var asked *rangeCall
		err := c.use(ctx, endpoint.Need{From: first, To: last}, func(ctx context.Context, n jsonrpc.Client) (err error) {
			to := min(last, first+n.Limits.Blocks(last-first+1)-1)
			asked = &rangeCall{chain: c, in: in, first: first, last: to}
			got, err = asked.ask(ctx, n)
			return err
		})
		if err == nil {
			if suspect > 0 && got.Last-first+1 < suspect { // it was the length after all
				asked.node.Limits.BlocksRefused(suspect, endpoint.Refusal{})
			}
			return got, nil
		}
		if ctx.Err() != nil || asked == nil || isChainError(err) || !asked.endpointAnswered() && !asked.brokeConnection(ctx, err) {
			return backfill.Range{}, err
		}
		refusal := endpoint.RefusalOf(err)
		blocks := asked.last - first + 1
		switch {
		case blocks == 1:
			return c.fetchRefusedBlock(ctx, in, first, err)
		case refusal.Class == endpoint.TooManyAddresses:
			asked.node.Limits.AddressesRefused(min(len(in.All.Addresses), asked.addresses), refusal.Limit)
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

// isChainError says whether an error is about the chain or the process, so that a smaller
// range would fail too.
func isChainError(err error) bool {
	return slices.ContainsFunc([]error{chains.ErrAhead, chains.ErrReorganised, chains.ErrWrongChain, chains.ErrPruned, endpoint.ErrBudget},
		func(target error) bool { return errors.Is(err, target) })
}

// rangeCall is a request for the logs of a range of final blocks.
type rangeCall struct {
	chain       *Chain
	in          eth.Interest
	first, last int64

	node      *jsonrpc.Client
	addresses int // in one filter, at most
	getID     *jsonrpc.Call
	logs      []*jsonrpc.Call
	null      bool // some answers were null: empty or missing, which blooms decide
}

// endpointAnswered says whether the endpoint answered the chain id but not the logs: then the
// range is what it refuses.
func (r *rangeCall) endpointAnswered() bool {
	return r.getID.Answered && (len(jsonrpc.Unanswered(r.logs)) > 0 || jsonrpc.FirstError(r.logs) != nil)
}

// brokeConnection says whether the request has ended a kept connection to an endpoint that
// works, as some nodes do when an answer is too large.
func (r *rangeCall) brokeConnection(ctx context.Context, err error) bool {
	return r.node != nil && r.node.KeepsConnection() && endpoint.ClassOf(err) == endpoint.Transport && r.chain.verifyChain(ctx, *r.node) == nil
}

// rangeTimeout bounds a request for several blocks, whatever the configured timeout.
const rangeTimeout = 10 * time.Second

// maxAddresses is how many addresses a filter may name (geth's limit).
const maxAddresses = 1000

// ask sends the request to one endpoint. The chain id and the header of the last block come in
// the same answer: an endpoint that has the last block has seen the range.
func (r *rangeCall) ask(ctx context.Context, n jsonrpc.Client) (backfill.Range, error) {
	c := r.chain
	if r.last > r.first { // fewer blocks take less time
		ctx = endpoint.WithTimeout(ctx, rangeTimeout)
	}
	var id int64
	var end eth.Header
	r.node, r.addresses = &n, n.Limits.Addresses(maxAddresses)
	r.getID = eth.ChainID(&id)
	getEnd := eth.BlockByNumber(eth.Quantity(r.last), &end)
	var scans []*eth.LogScanner
	for _, query := range r.in.All.Queries(r.addresses) {
		query["fromBlock"], query["toBlock"] = eth.Quantity(r.first), eth.Quantity(r.last)
		scan := new(eth.LogScanner)
		scans = append(scans, scan)
		r.logs = append(r.logs, &jsonrpc.Call{Method: "eth_getLogs", Params: []any{query}, Result: scan.Scan})
	}
	if err := n.Send(ctx, append([]*jsonrpc.Call{r.getID, getEnd}, r.logs...)...); err != nil {
		return backfill.Range{}, err
	}
	if err := jsonrpc.FirstError([]*jsonrpc.Call{r.getID, getEnd}); err != nil {
		return backfill.Range{}, err
	}
	if err := c.checkChainID(n, id); err != nil {
		return backfill.Range{}, err
	}
	if end.Hash == "" { // even if it answers eth_getLogs
		below, err := c.blockAtOrBelow(ctx, n, r.last)
		if err != nil {
			return backfill.Range{}, err
		}
		end = below
	} else if end.Number != r.last {
		return backfill.Range{}, n.Malformed("asked for block %d, answered with block %d", r.last, end.Number)
	}
	if err := jsonrpc.FirstError(r.logs); err != nil {
		return backfill.Range{}, err
	}
	n.NoteHeight(r.last)
	var raws []markets.Raw
	for _, scan := range scans {
		if r.null = r.null || scan.Null; r.null && c.blooms.incomplete.Load() {
			return backfill.Range{}, n.Malformed("eth_getLogs of blocks %d to %d: null", r.first, r.last)
		}
		raws = append(raws, scan.Raws...)
	}
	return r.check(ctx, n, end, raws)
}

// distrustedFor is how long every block of an endpoint's ranges is verified after the endpoint
// served another chain.
const distrustedFor = 10 * time.Minute

// check returns the range's logs once they have been verified, and completed where some were
// missing.
func (r *rangeCall) check(ctx context.Context, n jsonrpc.Client, end eth.Header, raws []markets.Raw) (backfill.Range, error) {
	c := r.chain
	raws, err := eth.VerifyLogs(raws, r.in.All, r.first, r.last)
	if err != nil {
		return backfill.Range{}, n.Malformed("eth_getLogs of blocks %d to %d: %w", r.first, r.last, err)
	}
	i := len(raws)
	for i > 0 && raws[i-1].Seq == end.Number {
		i--
	}
	if i < len(raws) && raws[i].Block != end.Hash {
		return backfill.Range{}, n.Errorf("%w: logs of block %d are not of %s", chains.ErrReorganised, end.Number, end.Hash)
	}
	history := c.checkRange(ctx, n, r.in, r.first, r.last, raws, end)
	if history != nil && !errors.Is(history, errIncomplete) {
		return backfill.Range{}, history
	}
	settled, err := c.reconcile(ctx, n, r.in, end, raws[i:])
	if err != nil {
		return backfill.Range{}, err
	}
	n.Limits.BlocksAnswered(r.last - r.first + 1)
	missing := r.null || history != nil || len(settled) > len(raws)-i
	if !missing {
		if missing, err = c.isMissingKnown(ctx, n, r.in, r.first, end, raws); err != nil {
			return backfill.Range{}, err
		}
	}
	switch {
	case missing: // others may be missing, too
		c.cfg.Log.WarnContext(ctx, "logs were missing from an answer: checking its blocks one by one", "endpoint", n.Host(), "first", r.first, "last", r.last)
		raws, err = c.checkEachBlock(ctx, n, r.in, r.first, end, raws)
	case n.WasWrongWithin(distrustedFor): // one batch may have been answered by two chains
		raws, err = c.checkEachBlock(ctx, n, r.in, r.first, end, raws)
	case len(settled) > 0:
		raws = append(raws[:i:i], settled...)
	}
	return backfill.Range{First: r.first, Last: r.last, Hash: end.Hash, Raws: raws, From: n.Endpoint}, err
}
