package persistence

// Endpoint is the condition of one endpoint of a chain, as recorded in the document of
// the chain's head. The process that creates an Endpoint limits the length of its texts.
type Endpoint struct {
	Host   string `json:"host" bson:"host"`
	State  string `json:"state" bson:"state"` // one of EndpointStates
	Height int64  `json:"height" bson:"height"`
	// Rate is the maximum number of requests a second to the endpoint; 0 if no limit is
	// known.
	Rate      float64 `json:"rate" bson:"rate"`
	LatencyMS float64 `json:"latencyMs" bson:"latencyMs"`
	// Requests and Errors, by class, count since the chain's current owner started.
	Requests  int64            `json:"requests" bson:"requests"`
	Errors    map[string]int64 `json:"errors,omitempty" bson:"errors,omitempty"`
	LastError string           `json:"lastError,omitempty" bson:"lastError,omitempty"`
}

// EndpointUp is the state of an endpoint without problems.
const EndpointUp = "up"

// EndpointStates are the states of an endpoint, the best first.
var EndpointStates = []string{EndpointUp, "limited", "lagging", "pruned", "wrong_chain", "down"}
