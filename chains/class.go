package chains

import (
	"context"
	"errors"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// sentinels are the classes of errors that are told by what they wrap, the most
// telling first.
var sentinels = []struct {
	err   error
	class string
}{
	{ErrWrongChain, "wrong_chain"},
	{ErrFinality, "finality"},
	{ErrPruned, endpoint.Pruned},
	{ErrGap, "gap"},
	{ErrReorganised, "reorganised"},
	{ErrAhead, "ahead"},
	{endpoint.ErrTimeout, endpoint.Timeout},
	{context.DeadlineExceeded, endpoint.Timeout},
	{endpoint.ErrTooLarge, endpoint.RangeTooLarge},
}

// Classes are all classes of errors.
var Classes = []string{
	endpoint.Timeout, endpoint.Transport, endpoint.RateLimited, endpoint.RangeTooLarge, endpoint.Unauthorized, endpoint.Pruned,
	endpoint.HTTP4xx, endpoint.HTTP5xx, endpoint.RPC, "wrong_chain", "finality", "gap", "reorganised", "ahead", endpoint.Other,
}

// Class is the one of Classes that an error of a Chain is counted in. It is empty
// for none: no error, and a caller that no longer wanted the answer. Nothing is
// decided by it.
func Class(err error) string {
	if err == nil || errors.Is(err, context.Canceled) {
		return ""
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.class
		}
	}
	if own, ok := errors.AsType[interface {
		error
		Class() string
	}](err); ok {
		return own.Class()
	}
	return endpoint.Other
}
