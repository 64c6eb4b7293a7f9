package monitor

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/printable"
)

// maxEndpoints limits how many of a chain's endpoints have metrics, and maxHost the
// length of their labels.
const (
	maxEndpoints = 32
	maxHost      = 300 // bytes
)

var (
	endpointLabels = []string{"chain", "host"}

	endpointUp = gauge("event_worker_endpoint_up",
		"1 if the endpoint answers for the chain, 0 if it is down or serves another chain.", endpointLabels...)
	endpointHeight = gauge("event_worker_endpoint_height",
		"The newest height seen at the endpoint: a block, or a ledger version on Aptos.", endpointLabels...)
	endpointRateLimit = gauge("event_worker_endpoint_rate_limit",
		"Current limit of requests a second to the endpoint.", endpointLabels...)
	endpointLatency = gauge("event_worker_endpoint_latency_seconds",
		"Moving average of the endpoint's response time.", endpointLabels...)
	endpointRequests = counter("event_worker_endpoint_requests_total",
		"Requests sent to the endpoint.", endpointLabels...)
	endpointErrors = counter("event_worker_endpoint_errors_total",
		"Requests to the endpoint that failed, by the class of their error.", "chain", "host", "class")
)

// endpoints collects the metrics of the endpoints of owned chains. The process does not
// use the endpoints of other chains.
type endpoints struct {
	owned func(chain string) bool

	mu     sync.Mutex
	chains map[string]chains.Chain
}

func newEndpoints(owned func(chain string) bool) *endpoints {
	return &endpoints{owned: owned, chains: map[string]chains.Chain{}}
}

func (e *endpoints) add(name string, chain chains.Chain) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.chains[name] = chain
}

// Describe implements prometheus.Collector.
func (e *endpoints) Describe(to chan<- *prometheus.Desc) {
	for _, f := range []metric{endpointUp, endpointHeight, endpointRateLimit, endpointLatency, endpointRequests, endpointErrors} {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (e *endpoints) Collect(to chan<- prometheus.Metric) {
	for name, chain := range e.ofOwned() {
		for host, s := range byHost(chain.Endpoints()) {
			for _, metric := range metricsOf(name, host, s) {
				to <- metric
			}
		}
	}
}

func (e *endpoints) ofOwned() map[string]chains.Chain {
	e.mu.Lock()
	defer e.mu.Unlock()
	owned := map[string]chains.Chain{}
	for name, chain := range e.chains {
		if e.owned(name) {
			owned[name] = chain
		}
	}
	return owned
}

// byHost groups endpoints by host. Several endpoints with the same host, for example
// with different keys, count as one.
func byHost(all []chains.EndpointStatus) map[string]chains.EndpointStatus {
	out := map[string]chains.EndpointStatus{}
	for _, s := range all[:min(len(all), maxEndpoints)] {
		host := printable.Line(s.Host, maxHost)
		if known, ok := out[host]; ok {
			s = merge(known, s)
		}
		out[host] = s
	}
	return out
}

// merge merges two endpoints with the same host.
func merge(a, b chains.EndpointStatus) chains.EndpointStatus {
	if !answers(a) {
		a.State = b.State
	}
	errors := map[string]int64{}
	for _, s := range []chains.EndpointStatus{a, b} {
		for class, n := range s.Errors {
			errors[class] += n
		}
	}
	return chains.EndpointStatus{
		State: a.State, Height: max(a.Height, b.Height), Rate: a.Rate + b.Rate, Latency: max(a.Latency, b.Latency),
		Requests: a.Requests + b.Requests, Errors: errors,
	}
}

func answers(s chains.EndpointStatus) bool {
	return s.State != chains.EndpointDown && s.State != chains.EndpointWrongChain
}

// metricsOf returns the metrics of an endpoint. A class of errors has a metric once it
// has occurred.
func metricsOf(chain, host string, s chains.EndpointStatus) []prometheus.Metric {
	up := int64(0)
	if answers(s) {
		up = 1
	}
	out := []prometheus.Metric{
		endpointUp.of(up, chain, host),
		endpointHeight.of(s.Height, chain, host),
		endpointLatency.float(s.Latency.Seconds(), chain, host),
		endpointRequests.of(s.Requests, chain, host),
	}
	if s.Rate > 0 {
		out = append(out, endpointRateLimit.float(s.Rate, chain, host))
	}
	for class, n := range s.Errors {
		out = append(out, endpointErrors.of(n, chain, host, class))
	}
	return out
}
