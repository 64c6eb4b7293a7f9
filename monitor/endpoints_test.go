package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/monitor"
)

// pooled is a chain with endpoints.
type pooled struct {
	chains.Chain
	endpoints []chains.EndpointStatus
}

func (p pooled) Endpoints() []chains.EndpointStatus { return p.endpoints }

func TestEndpoints(t *testing.T) {
	m := monitor.New()
	m.Chain(pooled{endpoints: []chains.EndpointStatus{
		{
			Host: "a", State: chains.EndpointUp, Height: 7, Rate: 12.5, Latency: 250 * time.Millisecond,
			Requests: 9, Errors: map[string]int64{"timeout": 3, "http_5xx": 1},
		},
		{Host: "b\x1b\xff", State: chains.EndpointDown},
		{Host: "pruned", State: chains.EndpointPruned},
		// Two keys of one host.
		{Host: "c", State: chains.EndpointWrongChain, Height: 8, Rate: 1, Latency: time.Second, Requests: 1, Errors: map[string]int64{"timeout": 1}},
		{Host: "c", State: chains.EndpointLimited, Height: 6, Rate: 2, Latency: 2 * time.Second, Requests: 2, Errors: map[string]int64{"timeout": 2, "rpc": 1}},
	}}, "ethereum")
	m.Chain(pooled{endpoints: []chains.EndpointStatus{{Host: "elsewhere"}}}, "bsc") // owned by another process
	if series := only(gather(t, m), "endpoint"); len(series) != 0 {
		t.Errorf("series before a chain is owned:\n%s", lines(series))
	}
	if _, err := m.Store(open(t)).TakeOver(t.Context(), "ethereum", "me"); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"endpoint_up{ethereum a}": 1, "endpoint_height{ethereum a}": 7, "endpoint_rate_limit{ethereum a}": 12.5,
		"endpoint_latency_seconds{ethereum a}": 0.25, "endpoint_requests_total{ethereum a}": 9,
		"endpoint_errors_total{ethereum timeout a}": 3, "endpoint_errors_total{ethereum http_5xx a}": 1,
		"endpoint_up{ethereum b\\x1b\\xff}": 0, "endpoint_height{ethereum b\\x1b\\xff}": 0,
		"endpoint_latency_seconds{ethereum b\\x1b\\xff}": 0, "endpoint_requests_total{ethereum b\\x1b\\xff}": 0,
		"endpoint_up{ethereum pruned}": 1, "endpoint_height{ethereum pruned}": 0,
		"endpoint_latency_seconds{ethereum pruned}": 0, "endpoint_requests_total{ethereum pruned}": 0,
		"endpoint_up{ethereum c}": 1, "endpoint_height{ethereum c}": 8, "endpoint_rate_limit{ethereum c}": 3,
		"endpoint_latency_seconds{ethereum c}": 2, "endpoint_requests_total{ethereum c}": 3,
		"endpoint_errors_total{ethereum timeout c}": 3, "endpoint_errors_total{ethereum rpc c}": 1,
	}
	same(t, only(gather(t, m), "endpoint"), want)
}

func TestEndpointsAreBounded(t *testing.T) {
	m := monitor.New()
	var many []chains.EndpointStatus
	for i := range 1000 {
		many = append(many, chains.EndpointStatus{Host: fmt.Sprint(i)})
	}
	m.Chain(pooled{endpoints: many}, "ethereum")
	if _, err := m.Store(open(t)).TakeOver(t.Context(), "ethereum", "me"); err != nil {
		t.Fatal(err)
	}
	if n := len(only(gather(t, m), "endpoint_up")); n != 32 {
		t.Errorf("%d endpoints", n)
	}
}
