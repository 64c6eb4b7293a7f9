package calls

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// byHash is what endpoints lack that do not take a block's hash as a parameter (EIP-1898),
// among their methods.
const byHash = "EIP-1898"

// session asks one endpoint.
type session struct {
	*Questions
	jsonrpc.Client
	byNumber bool // the endpoint does not take hashes
	works    bool // the endpoint has answered a call at the block
	failures int  // calls that the endpoint was waited for in vain
	refused  int  // aggregates in a row
}

// errByNumber: the endpoint does not take hashes, and is to be asked again by number.
var errByNumber = errors.New("the endpoint does not take block hashes")

// run asks the endpoint for all calls without a result.
func (s *session) run(ctx context.Context) error {
	err := s.ask(ctx)
	if errors.Is(err, errByNumber) {
		s.byNumber = true
		s.Limits.MarkMethodMissing(byHash)
		err = s.ask(ctx)
	}
	return err
}

func (s *session) ask(ctx context.Context) error {
	fresh, blamed := s.all()
	if s.aggregates(ctx, fresh) {
		if err := s.askAggregated(ctx, fresh); err != nil {
			return err
		}
	}
	if err := s.askSingly(ctx, s.openOf(fresh)); err != nil {
		return err
	}
	for _, i := range blamed { // one of them must not spoil the others
		if err := s.askSingly(ctx, []int{i}); err != nil {
			return err
		}
	}
	for i, err := range s.blamed {
		return s.Errorf("call %d: %w", i, err)
	}
	return nil
}

// maxBlamed is for how many calls an endpoint may be waited for in vain.
const maxBlamed = 8

// askSingly asks for calls in batches. Where they fail together, halves are asked for, down to
// the calls that make them fail.
func (s *session) askSingly(ctx context.Context, calls []int) error {
	if calls = s.openOf(calls); len(calls) == 0 {
		return nil
	}
	err := s.send(ctx, calls)
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrOtherBlock) || !isBlamable(err) || s.failures >= maxBlamed || !s.isWorking(ctx) {
		return err
	}
	if calls = s.openOf(calls); len(calls) <= 1 {
		s.failures++
		return s.blame(calls, err)
	}
	half := len(calls) / 2
	if err := s.askSingly(ctx, calls[:half]); err != nil {
		return err
	}
	return s.askSingly(ctx, calls[half:])
}

// isWorking says whether the endpoint answers at the block.
func (s *session) isWorking(ctx context.Context) bool {
	proven, err := s.sendProbed(ctx)
	return proven && err == nil && s.works
}

// isBlamable says whether the failure of a request may be due to one of its calls.
func isBlamable(err error) bool {
	r := endpoint.RefusalOf(err)
	return r.Class == endpoint.Timeout || r.Class == endpoint.HTTP5xx || r.Class == endpoint.Malformed || r.IsSize()
}

// blame notes that the endpoint does not answer a call although it answers others. If it
// answers none, the error is the endpoint's.
func (s *session) blame(calls []int, err error) error {
	for _, i := range calls {
		switch {
		case endpoint.RefusalOf(err).IsSize():
			s.fail(i, fmt.Errorf("%w: %w", chains.ErrTooLong, err))
		case !s.works:
			return err
		default:
			s.blamed[i] = err
		}
	}
	return nil
}

// send asks for calls in as few requests as the endpoint takes, and settles those that were
// answered.
func (s *session) send(ctx context.Context, indices []int) error {
	outs := make([]eth.Output, len(indices))
	calls := make([]*jsonrpc.Call, len(indices))
	for i, index := range indices {
		call := s.calls[index]
		outs[i].Limit = s.limit(index)
		calls[i] = eth.CallContract(&call.To, call.Data, s.block(), &outs[i])
	}
	proven, err := s.sendProbed(ctx, calls...)
	if !proven {
		return err
	}
	for i, index := range indices {
		if calls[i].Answered && calls[i].Err == nil {
			s.works = true
			s.answer(index, outs[i].Data, outs[i].Size)
		}
	}
	for i, index := range indices {
		if calls[i].Err == nil {
			continue
		}
		if failed := s.settleError(ctx, index, calls[i].Err); failed != nil {
			return failed
		}
	}
	return err
}

// settleError settles a call that was answered with an error, or returns the endpoint's error
// if it is not the call's.
func (s *session) settleError(ctx context.Context, i int, err error) error {
	switch class := endpoint.ClassOf(err); {
	case class == endpoint.Reverted, class == endpoint.OutOfGas:
		s.works = true
		s.fail(i, fmt.Errorf("%w: %w", chains.ErrReverted, err))
		return nil
	case isBlamable(err), class == endpoint.RPC && !s.refusesHash(err):
		return s.blame([]int{i}, err)
	}
	return s.endpointError(ctx, err)
}

// endpointError is what the error of a call says of the endpoint, which has shown the header
// of the block.
func (s *session) endpointError(ctx context.Context, err error) error {
	switch class := endpoint.ClassOf(err); {
	case class == endpoint.Pruned:
		return s.lacksState(err)
	case class == endpoint.UnknownBlock:
		if gone := s.checkBlock(ctx); gone != nil {
			return gone
		}
		s.MarkLagging() // another back end has answered
		return s.Errorf("%w: %w", chains.ErrAhead, err)
	case s.refusesHash(err):
		return errByNumber
	}
	return err
}

// lacksState notes that the endpoint does not have the block's state.
func (s *session) lacksState(err error) error {
	s.MarkStateless(s.at.Seq)
	return s.Errorf("%w: the state of block %d: %w", chains.ErrPruned, s.at.Seq, err)
}
