package persistence

// Endpoint is how one endpoint of a chain is doing, as the document of the chain's
// head tells it to people. Whoever makes one bounds its texts.
type Endpoint struct {
	Host   string `json:"host" bson:"host"`
	State  string `json:"state" bson:"state"` // one of EndpointStates
	Height int64  `json:"height" bson:"height"`
	// Rate is how many requests a second the endpoint is asked at most; 0: no limit
	// is known.
	Rate      float64 `json:"rate" bson:"rate"`
	LatencyMS float64 `json:"latencyMs" bson:"latencyMs"`
	// Requests and Errors, by class, count since the chain's owner began.
	Requests  int64            `json:"requests" bson:"requests"`
	Errors    map[string]int64 `json:"errors,omitempty" bson:"errors,omitempty"`
	LastError string           `json:"lastError,omitempty" bson:"lastError,omitempty"`
}

// EndpointUp is the state of an endpoint of which there is nothing to say.
const EndpointUp = "up"

// EndpointStates are the states of an endpoint, the best first.
var EndpointStates = []string{EndpointUp, "limited", "lagging", "pruned", "wrong_chain", "down"}
