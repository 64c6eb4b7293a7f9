package actors

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
)

// tellEndpoints is how often the counters of endpoints are written down at most:
// they always change, and a document must not be written again and again for them.
const tellEndpoints = 5 * time.Second

// What a document tells of endpoints at most.
const (
	maxEndpoints    = 32
	maxEndpointText = 300 // bytes
)

// endpoints are a chain's as they were last told to people.
type endpoints struct {
	told []persistence.Endpoint
	at   time.Time
}

// news is what to tell, given how the endpoints are: at once when one changes its
// state, and otherwise the same as before until some time has passed.
func (e *endpoints) news(are []chains.EndpointStatus, now time.Time) []persistence.Endpoint {
	next := documented(are)
	if now.Sub(e.at) >= tellEndpoints || !slices.EqualFunc(e.told, next, sameState) {
		e.told, e.at = next, now
	}
	return e.told
}

func sameState(a, b persistence.Endpoint) bool { return a.Host == b.Host && a.State == b.State }

// documented is how endpoints are in the form of documents.
func documented(are []chains.EndpointStatus) []persistence.Endpoint {
	var out []persistence.Endpoint
	for _, e := range are[:min(len(are), maxEndpoints)] {
		out = append(out, persistence.Endpoint{
			Host: printable.Line(e.Host, maxEndpointText), State: stateOf(e), Height: e.Height,
			Rate: tenths(e.Rate), LatencyMS: tenths(e.Latency.Seconds() * 1000),
			Requests: e.Requests, Errors: counted(e.Errors), LastError: printable.Line(e.LastError, maxEndpointText),
		})
	}
	return out
}

// stateOf is the endpoint's state. One that documents have no word for is not up.
func stateOf(e chains.EndpointStatus) string {
	if slices.Contains(persistence.EndpointStates, e.State) {
		return e.State
	}
	return chains.EndpointDown
}

// counted are the classes of errors that there were.
func counted(errors map[string]int64) map[string]int64 {
	out := maps.Clone(errors)
	maps.DeleteFunc(out, func(_ string, n int64) bool { return n == 0 })
	return out
}

func tenths(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	return math.Round(x*10) / 10
}
