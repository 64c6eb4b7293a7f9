package chains

import (
	"context"
	"errors"

	"github.com/imart/event-worker/markets"
)

// The errors of single calls. They say something of the contract, not of the chain: asking
// again gives the same answer.
var (
	// ErrReverted: the contract, or the virtual machine, ended the call with an error.
	ErrReverted = errors.New("the call reverted")
	// ErrTooLong: the answer is longer than the call's limit.
	ErrTooLong = errors.New("the call's answer is too long")
	// ErrUnanswerable: endpoints that answer other calls at the block do not answer this one:
	// it runs out of their time, or they say an error that means nothing else.
	ErrUnanswerable = errors.New("no endpoint answers the call")
)

// Caller asks contracts as of the end of a block. It is an optional part of a Chain. Its
// methods may be called concurrently.
//
//	place := markets.Place{Seq: 100, Hash: "0xab…"}
//	results, err := caller.Call(ctx, place, []chains.ContractCall{
//		{To: token, Data: ownerOf, Limit: 32},    // 0x…
//		{To: wallet, Data: symbol, Limit: 1024},  // ErrReverted
//	})
//
// The state of each place is read by the block's hash, so that all answers are of one branch.
type Caller interface {
	// Call returns the results of calls, one each, in their order. The error is of the chain:
	//   - ErrReorganised: the block is not, or no longer, on the chain.
	//   - ErrAhead: no endpoint has reached the block.
	//   - ErrPruned: no endpoint has the state of the block any more.
	//   - any other one: the chain did not answer.
	Call(ctx context.Context, at markets.Place, calls []ContractCall) ([]CallResult, error)

	// LogsAt returns all logs of a block whose first topic is one of topics (0x and 64 hex
	// digits each; at least one), of whatever contract, in order. Its errors are those of
	// Call.
	LogsAt(ctx context.Context, at markets.Place, topics []string) ([]markets.Raw, error)
}

// ContractCall is a call of a contract that changes nothing.
type ContractCall struct {
	To    [20]byte
	Data  []byte // selector and arguments
	Limit int    // bytes of the answer at most; DefaultCallLimit if zero
}

// The bounds of a call's answer, in bytes.
const (
	DefaultCallLimit = 1 << 10
	MaxCallLimit     = 64 << 10
)

// CallResult is what a call returned: Data, or the error of the call. Without code at the
// address, Data is empty and there is no error.
type CallResult struct {
	Data []byte
	Err  error // ErrReverted, ErrTooLong or ErrUnanswerable
}

// CallerOf returns the Caller that a chain is or wraps.
func CallerOf(chain Chain) (Caller, bool) {
	for chain != nil {
		if caller, ok := chain.(Caller); ok {
			return caller, true
		}
		wrapper, ok := chain.(interface{ Unwrap() Chain })
		if !ok {
			return nil, false
		}
		chain = wrapper.Unwrap()
	}
	return nil, false
}
