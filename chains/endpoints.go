package chains

import "github.com/imart/event-worker/chains/internal/endpoint"

// Endpoint describes one node of a chain. Its timeout, size limit and budget are set
// by the chain.
type Endpoint = endpoint.Config

// EndpointStatus is the state of one endpoint and its counters.
type EndpointStatus = endpoint.Status

// Budget bounds the bytes of the answers in flight of all chains that share it.
type Budget = endpoint.Budget

// DefaultBudget is the budget, in bytes, of a process that configures none.
const DefaultBudget = endpoint.DefaultBudget

// NewBudget returns a budget of a number of bytes, 1 MiB at least.
func NewBudget(bytes int64) *Budget { return endpoint.NewBudget(bytes) }

// The states of an endpoint.
const (
	EndpointUp         = endpoint.Up
	EndpointLimited    = endpoint.Limited
	EndpointLagging    = endpoint.Lagging
	EndpointPruned     = endpoint.StatePruned
	EndpointWrongChain = endpoint.WrongChain
	EndpointDown       = endpoint.Down
)
