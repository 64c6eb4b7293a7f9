package chains

import (
	"context"
	"errors"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// sentinels are the errors with a class of their own, the most specific first.
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
}

// Classes are all classes of errors.
var Classes = append([]string{"wrong_chain", "finality", "gap", "reorganised", "ahead"}, endpoint.Classes...)

// Class is the one of Classes that an error of a Chain is counted in, for metrics and
// status; nothing is decided by it. It is empty for nil, a cancelled context, and ErrWaits,
// which are not failures.
func Class(err error) string {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrWaits) {
		return ""
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.class
		}
	}
	return endpoint.ClassOf(err)
}
