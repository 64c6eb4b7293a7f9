package config

import (
	"fmt"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/yamlfile"
)

// At returns the chain with another endpoint instead of the configured ones. Configured
// headers are not sent to it. The error does not contain the URL, which is secret.
func (c Chain) At(endpoint string) (Chain, error) {
	schemes := schemesOf(c.Kind)
	if !isURL(endpoint, schemes) {
		return c, fmt.Errorf("not a URL that begins with %s and a host", yamlfile.Either(prefixes(schemes)))
	}
	c.Endpoints, c.Header, c.Stream = []chains.Endpoint{{URL: endpoint}}, nil, ""
	return c, nil
}
