// Package calls asks one endpoint after the other for the answers of contracts as of one
// block.
//
// It guarantees, whatever endpoints and contracts answer:
//   - An answer is of the block: the header at its height is the block's in the same request,
//     and code that is run beside the calls says in which block it is run (block.go).
//   - A call settles once, and costs the others nothing: what fails in an aggregate is asked
//     for alone, what makes a batch fail is found by halving it (aggregate.go, session.go).
//   - An error becomes a result only if it is the contract's own, or if the endpoint has
//     answered other calls of the block.
//
// For example, four calls, the second of which uses up all gas:
//
//	aggregate of 1 2 3 4     1 answered; 2, 3 and 4 failed
//	batch of 2, 3, 4         2: out of gas; 3 and 4 answered
package calls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/markets"
)

// Check checks that the header that an endpoint has at the height of a place, or the error
// instead of it, is that of the place. It returns the header of the place's block.
type Check func(ctx context.Context, n jsonrpc.Client, at markets.Place, err error, h eth.Header) (eth.Header, error)

// Questions are the calls of one block and what is known of their answers.
type Questions struct {
	check    Check
	deployed *Deployed
	log      *slog.Logger
	lacking  int // endpoints that do not have the state

	at      markets.Place
	calls   []chains.ContractCall
	results []chains.CallResult
	open    map[int]bool  // calls without a result
	blamed  map[int]error // open calls that an endpoint failed to answer while it answered others
}

// New returns the questions of calls at a place. What is learnt of Multicall3 is kept in
// deployed.
func New(at markets.Place, calls []chains.ContractCall, check Check, deployed *Deployed, log *slog.Logger) *Questions {
	q := &Questions{
		check: check, deployed: deployed, log: log,
		at: at, calls: calls, results: make([]chains.CallResult, len(calls)), open: map[int]bool{}, blamed: map[int]error{},
	}
	for i := range calls {
		q.open[i] = true
	}
	return q
}

// Ask asks one endpoint for all calls without a result.
func (q *Questions) Ask(ctx context.Context, n jsonrpc.Client) error {
	err := (&session{Questions: q, Client: n, byNumber: n.Limits.LacksMethod(byHash)}).run(ctx)
	if errors.Is(err, chains.ErrPruned) {
		q.lacking++
	}
	return err
}

// Results returns the results once all endpoints were asked, given their number and the error
// of the last one.
func (q *Questions) Results(endpoints int, err error) ([]chains.CallResult, error) {
	switch {
	case err == nil, !errors.Is(err, chains.ErrReorganised) && q.settleBlamed():
		return q.results, nil
	case errors.Is(err, chains.ErrPruned) && q.lacking < endpoints:
		return nil, fmt.Errorf("the endpoints that may have the state of block %d do not answer; of the others: %v", q.at.Seq, err)
	}
	return nil, err
}

// limit is the most bytes that a call may return.
func (q *Questions) limit(i int) int {
	if q.calls[i].Limit <= 0 {
		return chains.DefaultCallLimit
	}
	return min(q.calls[i].Limit, chains.MaxCallLimit)
}

// openOf returns those of some calls that have no result.
func (q *Questions) openOf(calls []int) []int {
	var open []int
	for _, i := range calls {
		if q.open[i] {
			open = append(open, i)
		}
	}
	return open
}

// all are the calls without a result that no endpoint was blamed for, then those that one was.
func (q *Questions) all() (fresh, blamed []int) {
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
func (q *Questions) answer(i int, data []byte, size int) {
	if data == nil {
		q.fail(i, fmt.Errorf("%w: %d bytes, %d at most", chains.ErrTooLong, size, q.limit(i)))
		return
	}
	q.settle(i, chains.CallResult{Data: data})
}

func (q *Questions) fail(i int, err error) { q.settle(i, chains.CallResult{Err: err}) }

func (q *Questions) settle(i int, result chains.CallResult) {
	q.results[i] = result
	delete(q.open, i)
	delete(q.blamed, i)
}

// settleBlamed settles the calls that endpoints were asked for in vain. It reports false if
// there are other calls without a result.
func (q *Questions) settleBlamed() bool {
	if len(q.blamed) < len(q.open) {
		return false
	}
	for i, err := range q.blamed {
		q.fail(i, fmt.Errorf("%w: %w", chains.ErrUnanswerable, err))
	}
	return true
}
