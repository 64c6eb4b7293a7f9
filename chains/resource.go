package chains

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// ErrNoResource: an account has no resource of a type.
var ErrNoResource = errors.New("the resource does not exist")

// ResourceReader reads the resources of accounts, as those of Aptos have them. It is an
// optional part of a Chain. Its method may be called concurrently.
type ResourceReader interface {
	// Resource returns an account's resource of a type, as JSON, as of a place. The error is
	// ErrNoResource if there is none, ErrAhead if no endpoint has reached the place; any
	// other one says that the chain did not answer.
	Resource(ctx context.Context, at markets.Place, account, resourceType string) (json.RawMessage, error)
}

// ResourceReaderOf returns the ResourceReader that a chain is or wraps.
func ResourceReaderOf(chain Chain) (ResourceReader, bool) {
	for chain != nil {
		if reader, ok := chain.(ResourceReader); ok {
			return reader, true
		}
		wrapper, ok := chain.(interface{ Unwrap() Chain })
		if !ok {
			return nil, false
		}
		chain = wrapper.Unwrap()
	}
	return nil, false
}

// LacksMethod says whether a chain answered with an error because none of its endpoints has the
// method that it was asked for, as far as can be told: all of them are up.
func LacksMethod(chain Chain, err error) bool {
	if endpoint.ClassOf(err) != endpoint.MissingMethod {
		return false
	}
	for _, e := range chain.Endpoints() {
		if e.State != EndpointUp {
			return false
		}
	}
	return true
}
