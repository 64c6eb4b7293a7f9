package evm

import (
	"context"
	"fmt"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/calls"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

var _ chains.Caller = (*Chain)(nil)

// Call implements chains.Caller. Calls are aggregated by Multicall3 where it is deployed;
// those that fail there, and all calls where it is not, are asked for one by one, in batches:
// among others, a call may fail only because one before it used up the gas. What one endpoint
// has answered no other is asked again, as the block is the same.
func (c *Chain) Call(ctx context.Context, at markets.Place, asked []chains.ContractCall) ([]chains.CallResult, error) {
	if at.Seq < 0 || at.Hash == "" {
		return nil, fmt.Errorf("contracts cannot be asked at block %d %q", at.Seq, at.Hash)
	}
	if len(asked) == 0 {
		return nil, nil
	}
	questions := calls.New(at, asked, c.checkOnChain, &c.multicall, c.cfg.Log)
	need := endpoint.Need{From: at.Seq, To: at.Seq, State: at.Seq}
	err := c.use(ctx, need, func(ctx context.Context, n jsonrpc.Client) error {
		if len(c.pool.All()) == 1 {
			n.RateRetries = maxRateRetries
		}
		return questions.Ask(ctx, n)
	})
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	results, err := questions.Results(len(c.pool.All()), err)
	return results, lacking(err)
}

// checkOnChain checks that the header that an endpoint has at the height of a place, or the
// error instead of it, is that of the place. It returns the header of the place's block, which
// may be below the height.
func (c *Chain) checkOnChain(ctx context.Context, n jsonrpc.Client, at markets.Place, err error, h eth.Header) (eth.Header, error) {
	if err != nil {
		return eth.Header{}, err
	}
	if h.Hash == "" { // the endpoint lags, or the height has no block
		if h, err = c.blockAtOrBelow(ctx, n, at.Seq); err != nil {
			return eth.Header{}, err
		}
	} else if h.Number != at.Seq {
		return eth.Header{}, n.Malformed("asked for block %d, answered with block %d", at.Seq, h.Number)
	}
	if h.Hash != at.Hash {
		return eth.Header{}, n.Errorf("%w: block %d is %s, not %s", chains.ErrReorganised, at.Seq, h.Hash, at.Hash)
	}
	n.NoteHeight(at.Seq)
	return h, nil
}

// lacking tells an error that means that endpoints have no such method from others.
func lacking(err error) error {
	if endpoint.ClassOf(err) == endpoint.MissingMethod {
		return fmt.Errorf("%w: %w", chains.ErrNoMethod, err)
	}
	return err
}
