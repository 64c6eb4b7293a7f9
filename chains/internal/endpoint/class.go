package endpoint

import "net/http"

// The classes that errors of endpoints are counted in, see chains.Class.
const (
	Timeout       = "timeout"
	Transport     = "transport"
	RateLimited   = "rate_limited"
	RangeTooLarge = "range_too_large"
	Unauthorized  = "unauthorized"
	Pruned        = "pruned"
	HTTP4xx       = "http_4xx"
	HTTP5xx       = "http_5xx"
	RPC           = "rpc"
	Other         = "other"
)

// TransportError says that there was no connection, or that it broke off.
type TransportError struct{ Err error }

func (e *TransportError) Error() string { return e.Err.Error() }

// Unwrap returns what net/http said.
func (e *TransportError) Unwrap() error { return e.Err }

// Class is the class that the error is counted in.
func (e *TransportError) Class() string { return Transport }

// Class is the class that the error is counted in.
func (e *StatusError) Class() string {
	switch status := e.Status; {
	case status == http.StatusTooManyRequests:
		return RateLimited
	case status == http.StatusRequestEntityTooLarge:
		return RangeTooLarge
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return Unauthorized
	case status == http.StatusGone: // an Aptos node's word for history that it has no more
		return Pruned
	case status >= 500:
		return HTTP5xx
	case status >= 400:
		return HTTP4xx
	}
	return Other
}
