package aptos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

var _ chains.ResourceReader = (*Chain)(nil)

// Resource implements chains.ResourceReader. A type that the node does not understand names no
// resource either.
func (c *Chain) Resource(ctx context.Context, at markets.Place, account, resourceType string) (json.RawMessage, error) {
	version := at.Height()
	type resource struct {
		Data json.RawMessage `json:"data"`
	}
	r := request{
		need: endpoint.Need{From: version, To: version}, path: []string{"accounts", account, "resource", resourceType},
		query: url.Values{"ledger_version": {decimal(version)}},
	}
	answer, _, err := get(ctx, c.node, r, func(answer resource, _ int64) error {
		if answer.Data == nil {
			return errors.New("a resource without data")
		}
		return nil
	})
	_, missing := errors.AsType[*missingError](err)
	status, refused := errors.AsType[*endpoint.StatusError](err)
	if missing || refused && status.Status == http.StatusBadRequest && strings.Contains(status.Text, "invalid_input") {
		return nil, fmt.Errorf("%w: %.200s of %s", chains.ErrNoResource, resourceType, account)
	}
	return answer.Data, err
}
