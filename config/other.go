package config

import (
	"fmt"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/yamlfile"
)

// At is the chain with another endpoint instead of the configured ones, whose headers it does
// not get. The error does not show the URL.
func (c Chain) At(endpoint string) (Chain, error) {
	schemes := schemesOf(c.Kind)
	if !isURL(endpoint, schemes) {
		return c, fmt.Errorf("it is not a URL that begins with %s and a host", yamlfile.Either(beginnings(schemes)))
	}
	c.Endpoints, c.Header, c.Stream = []chains.Endpoint{{URL: endpoint}}, nil, ""
	return c, nil
}
