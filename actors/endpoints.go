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

// reportEndpoints is how often the counters of endpoints are written at most: they always
// change, and are no reason to write a document all the time.
const reportEndpoints = 5 * time.Second

// What a document holds of endpoints at most.
const (
	maxEndpoints    = 32
	maxEndpointText = 300 // bytes
)

// endpoints are a chain's as they were last reported.
type endpoints struct {
	reported []persistence.Endpoint
	at       time.Time
}

// report returns the endpoints' statuses to report: the current ones if a state has changed
// or some time has passed, and the last reported ones otherwise.
func (e *endpoints) report(statuses []chains.EndpointStatus, now time.Time) []persistence.Endpoint {
	next := documented(statuses)
	if now.Sub(e.at) >= reportEndpoints || !slices.EqualFunc(e.reported, next, sameState) {
		e.reported, e.at = next, now
	}
	return e.reported
}

func sameState(a, b persistence.Endpoint) bool { return a.Host == b.Host && a.State == b.State }

// documented is the statuses of endpoints in the form of documents.
func documented(statuses []chains.EndpointStatus) []persistence.Endpoint {
	var out []persistence.Endpoint
	for _, e := range statuses[:min(len(statuses), maxEndpoints)] {
		out = append(out, persistence.Endpoint{
			Host: printable.Line(e.Host, maxEndpointText), State: stateOf(e), Height: e.Height,
			Rate: tenths(e.Rate), LatencyMS: tenths(e.Latency.Seconds() * 1000),
			Requests: e.Requests, Errors: counted(e.Errors), LastError: printable.Line(e.LastError, maxEndpointText),
		})
	}
	return out
}

// stateOf is the endpoint's state. One for which documents have no word is not up.
func stateOf(e chains.EndpointStatus) string {
	if slices.Contains(persistence.EndpointStates, e.State) {
		return e.State
	}
	return chains.EndpointDown
}

// counted are the counts of the classes of errors that occurred.
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
