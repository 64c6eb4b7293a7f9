package chains

import "time"

// The states of an endpoint.
const (
	EndpointUp         = "up"
	EndpointLimited    = "limited"     // it asks for fewer requests
	EndpointLagging    = "lagging"     // others have seen a higher head
	EndpointPruned     = "pruned"      // it lacks history that was asked for
	EndpointWrongChain = "wrong_chain" // it serves another chain
	EndpointDown       = "down"
)

// EndpointStatus is how one endpoint is doing.
type EndpointStatus struct {
	Host      string
	State     string           // one of the states of an endpoint
	Height    int64            // the newest block or ledger version seen there
	Rate      float64          // requests a second that it is asked at most at present; 0: no limit known
	Latency   time.Duration    // moving average of its answers
	Requests  int64            // since the start
	Errors    map[string]int64 // by class (Classes), since the start
	LastError string           // without secrets, one line, printable
}
