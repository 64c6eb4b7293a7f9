package calls

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/multicall"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// The bounds of an aggregate.
const (
	maxAggregate      = 250
	maxAggregateInput = 128 << 10 // bytes; the limit of a transaction's, which some nodes apply
	maxRefused        = 8         // aggregates in a row
)

// aggregate3 is what endpoints lack whose Multicall3 does not answer as it should, among their
// methods.
const aggregate3 = "aggregate3"

// aggregates says whether calls can be aggregated: there are several, and Multicall3 is
// deployed in the block.
func (s *session) aggregates(ctx context.Context, calls []int) bool {
	if len(calls) < 2 || s.Limits.LacksMethod(aggregate3) {
		return false
	}
	if is, known := s.deployed.In(s.at.Seq); known {
		return is
	}
	is := false
	if err := s.Do(ctx, eth.CodeAt(multicall.Address, s.block(), &is)); err != nil {
		return false // the calls themselves will tell why
	}
	if !is {
		s.deployed.noteAbsent(s.at.Seq)
	}
	return is
}

// askAggregated asks for calls in aggregates. Those that fail remain open.
func (s *session) askAggregated(ctx context.Context, calls []int) error {
	for len(calls) > 0 && !s.Limits.LacksMethod(aggregate3) {
		n := s.fitting(calls)
		if err := s.aggregate(ctx, calls[:n]); err != nil {
			return err
		}
		calls = calls[n:]
	}
	return nil
}

// fitting is how many of the calls fit into one aggregate.
func (s *session) fitting(calls []int) int {
	most, size := min(s.Limits.Calls(maxAggregate), len(calls)), 0
	for n, i := range calls[:most] {
		if size += multicall.Size(s.calls[i].Data); size > maxAggregateInput {
			return max(n, 1)
		}
	}
	return most
}

// aggregate asks for calls in one aggregate, or in halves if it is refused.
func (s *session) aggregate(ctx context.Context, calls []int) error {
	if len(calls) < 2 || s.Limits.LacksMethod(aggregate3) {
		return nil // asked for singly
	}
	err := s.sendAggregate(ctx, calls)
	if err == nil {
		s.Limits.CallsAnswered(len(calls))
		s.refused = 0
		return nil
	}
	if ctx.Err() != nil || errors.Is(err, ErrOtherBlock) {
		return err
	}
	switch refusal := endpoint.RefusalOf(err); {
	case errors.Is(err, multicall.ErrMalformed):
		s.log.WarnContext(ctx, "Multicall3 does not answer as it should: contracts are called one by one", "endpoint", s.Host(), "block", s.at.Seq, "reason", err)
		s.Limits.MarkMethodMissing(aggregate3)
		return nil
	case refusal.Class == endpoint.Timeout, refusal.Class == endpoint.HTTP5xx: // halves may take as long; one by one shows which call does
		s.Limits.CallsRefused(len(calls))
		return nil
	case refusal.IsSize(), refusal.Class == endpoint.OutOfGas, refusal.Class == endpoint.Reverted, refusal.Class == endpoint.RPC && !s.refusesHash(err):
		s.Limits.CallsRefused(len(calls))
		if s.refused++; s.refused > maxRefused { // it is not their size
			s.Limits.MarkMethodMissing(aggregate3)
			return nil
		}
		half := len(calls) / 2
		if err := s.aggregate(ctx, calls[:half]); err != nil {
			return err
		}
		return s.aggregate(ctx, calls[half:])
	}
	return s.endpointError(ctx, err)
}

// sendAggregate asks for calls in one aggregate and settles those that were answered. Those
// that failed may have failed for want of gas and remain open.
func (s *session) sendAggregate(ctx context.Context, indices []int) error {
	calls := append([]multicall.Call(nil), blockCalls...)
	for _, i := range indices {
		calls = append(calls, multicall.Call{To: s.calls[i].To, Data: s.calls[i].Data, Limit: s.limit(i)})
	}
	var answers []multicall.Answer
	var malformed error
	out := eth.Output{Digits: func(digits []byte) { answers, malformed = multicall.Decode(digits, calls) }}
	call := eth.CallContract(&multicall.Address, multicall.Encode(calls), s.block(), &out)
	ranHere := false
	ran := func(h eth.Header) bool {
		ranHere = len(answers) > 0 && ranIn(h, answers[0].Data, answers[1].Data)
		return true // else the contract may be at fault: the calls are asked for singly
	}
	if _, err := s.sendAt(ctx, ran, call); err != nil {
		return err
	}
	if call.Err != nil {
		return call.Err
	}
	switch {
	case out.Size == 0 && s.deployed.longBefore(s.at.Seq): // as Erigon answers without the state
		return s.lacksState(errNoMulticall)
	case malformed != nil:
		return malformed
	case !ranHere:
		return fmt.Errorf("%w: it is of another block", multicall.ErrMalformed)
	}
	s.works = true
	s.deployed.notePresent(s.at.Seq)
	for j, i := range indices {
		if a := answers[len(blockCalls)+j]; a.OK {
			s.answer(i, a.Data, a.Size)
		}
	}
	return nil
}

// blockCalls are the first calls of each aggregate: they tell in which block it is run.
var blockCalls = []multicall.Call{
	{To: multicall.Address, Data: multicall.BlockTime, Limit: 32},
	{To: multicall.Address, Data: multicall.BlockNumber, Limit: 32},
}

var errNoMulticall = errors.New("there is no code at the address of Multicall3, which was deployed before")
