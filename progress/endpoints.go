package progress

import (
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
)

// hostShown limits the display of a host, in bytes.
const hostShown = 60

// NotUp lists the endpoints that are not up, each as its host and state, printable.
func NotUp(endpoints []persistence.Endpoint) []string {
	var out []string
	for _, e := range endpoints {
		if e.State != persistence.EndpointUp {
			out = append(out, printable.Line(e.Host, hostShown)+" "+printable.Line(e.State, hostShown))
		}
	}
	return out
}
