package evm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// ErrNoState: the endpoint does not have the state of old blocks, which only archive nodes
// keep.
var ErrNoState = errors.New("the endpoint does not have the state of old blocks")

// ErrNoCode: there is no contract at any of the addresses.
var ErrNoCode = errors.New("no contract at any of the addresses")

// Head returns the height of the newest block.
func (c *Chain) Head(ctx context.Context) (int64, error) {
	head := int64(-1)
	err := c.ask(ctx, endpoint.Need{}, &jsonrpc.Call{Method: "eth_blockNumber", Result: func(l *jlexer.Lexer) { head = eth.ScanInt(l) }})
	if err == nil && head < 0 {
		err = fmt.Errorf("%w: no latest block", chains.ErrAhead)
	}
	return head, err
}

// Deployment returns the first block in which one of the addresses has code, found by
// bisection. It needs a node that has the state of old blocks; else the error is ErrNoState.
func (c *Chain) Deployment(ctx context.Context, addresses []string) (int64, error) {
	head, err := c.Head(ctx)
	if err != nil {
		return 0, err
	}
	first := head + 1
	for _, address := range addresses {
		if first, err = c.deployedBefore(ctx, address, first); err != nil {
			return 0, err
		}
	}
	if first > head {
		return 0, fmt.Errorf("%w (%s) up to block %d: check the market's contracts", ErrNoCode, strings.Join(addresses, ", "), head)
	}
	return first, nil
}

// deployedBefore returns the first block below end with code at an address, or end if there is
// none.
func (c *Chain) deployedBefore(ctx context.Context, address string, end int64) (int64, error) {
	if end == 0 {
		return 0, nil
	}
	low, high := int64(-1), end // no code at low, code at high, or not known to be any below it
	for at := end - 1; low+1 < high; at = low + (high-low)/2 {
		is, err := c.hasCode(ctx, address, at)
		switch {
		case err != nil:
			return 0, err
		case is:
			high = at
		case at == end-1: // and none before
			return end, nil
		default:
			low = at
		}
	}
	return high, nil
}

func (c *Chain) hasCode(ctx context.Context, address string, height int64) (bool, error) {
	var code string
	err := c.ask(ctx, endpoint.Need{From: height, To: height}, &jsonrpc.Call{Method: "eth_getCode", Params: []any{address, eth.Quantity(height)}, Result: func(l *jlexer.Lexer) {
		if l.IsNull() {
			l.Skip()
			return
		}
		code = l.String()
	}})
	switch {
	case err != nil && endpoint.ClassOf(err) == endpoint.Pruned:
		return false, fmt.Errorf("%w (%d): configure an archive node, or the market's start as a block's number: %w", ErrNoState, height, err)
	case err != nil:
		return false, err
	case !strings.HasPrefix(code, "0x"): // null, which some say of blocks that they have not seen yet
		return false, fmt.Errorf("%w: %.20q for the code at block %d", chains.ErrAhead, code, height)
	}
	return len(code) > len("0x"), nil
}
