package chains

import "net/http"

// Endpoint describes one node of a chain.
type Endpoint struct {
	URL      string      // http, https, and on EVM ws, wss; all but the host is secret
	Header   http.Header // secret
	Priority int         // the least is asked first; equal ones share the load
	Rate     float64     // requests a second at most, 0: as many as it answers
}
