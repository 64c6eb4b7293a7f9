package evm

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

var _ chains.Caller = (*Chain)(nil)

// Call implements chains.Caller. Calls are aggregated by Multicall3 where it is deployed;
// those that fail there, and all calls where it is not, are asked for one by one, in batches:
// among others, a call may fail only because one before it used up the gas. What one endpoint
// has answered no other is asked again, as the block is the same.
func (c *Chain) Call(ctx context.Context, at markets.Place, calls []chains.ContractCall) ([]chains.CallResult, error) {
	if at.Seq < 0 || at.Hash == "" {
		return nil, fmt.Errorf("contracts cannot be asked at block %d %q", at.Seq, at.Hash)
	}
	r := newQuestions(c, at, calls)
	if len(calls) == 0 {
		return r.results, nil
	}
	var failed error // of an endpoint that has not said that it lacks the state
	need := endpoint.Need{From: at.Seq, To: at.Seq, State: at.Seq}
	err := c.use(ctx, need, func(ctx context.Context, n jsonrpc.Client) error {
		if len(c.pool.All()) == 1 {
			n.RateRetries = maxRateRetries
		}
		err := (&callSession{questions: r, Client: n, byNumber: n.Limits.LacksMethod(byHash)}).run(ctx)
		if err != nil && !errors.Is(err, chains.ErrPruned) {
			failed = err
		}
		return err
	})
	switch {
	case err != nil && ctx.Err() == nil && !errors.Is(err, chains.ErrReorganised) && r.settleBlamed():
		return r.results, nil
	case errors.Is(err, chains.ErrPruned) && failed != nil: // that endpoint may have the state
		return nil, failed
	case err != nil:
		return nil, err
	}
	return r.results, nil
}

// questions are the calls of one block and what is known of their answers.
type questions struct {
	chain   *Chain
	at      markets.Place
	calls   []chains.ContractCall
	results []chains.CallResult
	open    map[int]bool  // calls without a result
	blamed  map[int]error // open calls that an endpoint failed to answer while it answered others
}

func newQuestions(c *Chain, at markets.Place, calls []chains.ContractCall) *questions {
	q := &questions{chain: c, at: at, calls: calls, results: make([]chains.CallResult, len(calls)), open: map[int]bool{}, blamed: map[int]error{}}
	for i := range calls {
		q.open[i] = true
	}
	return q
}

// limit is the most bytes that a call may return.
func (q *questions) limit(i int) int {
	if q.calls[i].Limit <= 0 {
		return chains.DefaultCallLimit
	}
	return min(q.calls[i].Limit, chains.MaxCallLimit)
}

// openOf returns those of some calls that have no result.
func (q *questions) openOf(calls []int) []int {
	var open []int
	for _, i := range calls {
		if q.open[i] {
			open = append(open, i)
		}
	}
	return open
}

// all are the calls without a result that no endpoint was blamed for, then those that one was.
func (q *questions) all() (fresh, blamed []int) {
	for i := range q.calls {
		switch {
		case q.open[i] && q.blamed[i] != nil:
			blamed = append(blamed, i)
		case q.open[i]:
			fresh = append(fresh, i)
		}
	}
	return fresh, blamed
}

// answer settles a call that returned size bytes; data is nil if they are too many.
func (q *questions) answer(i int, data []byte, size int) {
	if data == nil {
		q.fail(i, fmt.Errorf("%w: %d bytes, %d at most", chains.ErrTooLong, size, q.limit(i)))
		return
	}
	q.settle(i, chains.CallResult{Data: data})
}

func (q *questions) fail(i int, err error) { q.settle(i, chains.CallResult{Err: err}) }

func (q *questions) settle(i int, result chains.CallResult) {
	q.results[i] = result
	delete(q.open, i)
	delete(q.blamed, i)
}

// settleBlamed settles the calls that endpoints were asked for in vain. It reports false if
// there are other calls without a result.
func (q *questions) settleBlamed() bool {
	if len(q.blamed) < len(q.open) {
		return false
	}
	for i, err := range q.blamed {
		q.fail(i, fmt.Errorf("%w: %w", chains.ErrUnanswerable, err))
	}
	return true
}
