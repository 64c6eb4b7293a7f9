package endpoint

import (
	"context"
	"errors"
)

// The classes that the errors of endpoints are counted in and answered by, see
// chains.Class.
const (
	RangeTooLarge    = "range_too_large"    // ask for fewer blocks
	TooManyResults   = "too_many_results"   // ask for fewer blocks
	AnswerTooLarge   = "answer_too_large"   // ask for fewer blocks
	BatchTooLarge    = "batch_too_large"    // send smaller batches
	TooManyAddresses = "too_many_addresses" // name fewer addresses
	RateLimited      = "rate_limited"       // wait
	ComputeUnits     = "compute_units"      // wait
	UnknownBlock     = "unknown_block"      // wait, or use another endpoint
	Pruned           = "pruned"             // use another endpoint
	MissingMethod    = "missing_method"     // use another method or endpoint
	Unauthorized     = "unauthorized"       // use another endpoint
	Reverted         = "reverted"           // the contract's own answer
	OutOfGas         = "out_of_gas"         // call less in one request
	Timeout          = "timeout"            // ask for fewer blocks, or use another endpoint
	Transport        = "transport"          // use another endpoint
	HTTP4xx          = "http_4xx"
	HTTP5xx          = "http_5xx"
	Malformed        = "malformed" // not what was asked for, or not readable
	RPC              = "rpc"       // an error that the table of refusals does not know
	Other            = "other"
)

// Classes are the classes of endpoints' errors.
var Classes = []string{
	Timeout, Transport, RateLimited, ComputeUnits, RangeTooLarge, TooManyResults, AnswerTooLarge, BatchTooLarge, TooManyAddresses,
	Unauthorized, Pruned, UnknownBlock, MissingMethod, Reverted, OutOfGas, HTTP4xx, HTTP5xx, Malformed, RPC, Other,
}

// ClassOf returns the class of an endpoint's error.
func ClassOf(err error) string { return RefusalOf(err).Class }

// RefusalOf returns what an endpoint's error means.
func RefusalOf(err error) Refusal {
	switch {
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return Refusal{Class: Timeout}
	case errors.Is(err, ErrTooLarge):
		return Refusal{Class: AnswerTooLarge}
	}
	if refused, ok := errors.AsType[interface {
		error
		Refusal() Refusal
	}](err); ok {
		return refused.Refusal()
	}
	if classed, ok := errors.AsType[interface {
		error
		Class() string
	}](err); ok {
		return Refusal{Class: classed.Class()}
	}
	return Refusal{Class: Other}
}

// TransportError: the connection could not be made, or was lost.
type TransportError struct{ Err error }

func (e *TransportError) Error() string { return e.Err.Error() }

// Unwrap returns what net/http said.
func (e *TransportError) Unwrap() error { return e.Err }

// Class is the class that the error is counted in.
func (e *TransportError) Class() string { return Transport }

// MalformedError: an answer is unreadable, or not what was asked for.
type MalformedError struct{ Err error }

func (e *MalformedError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with the answer.
func (e *MalformedError) Unwrap() error { return e.Err }

// Class is the class that the error is counted in.
func (e *MalformedError) Class() string { return Malformed }
