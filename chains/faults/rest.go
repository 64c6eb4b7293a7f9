package faults

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// restRoot is the root of the Aptos REST API.
const restRoot = "/v1"

// The requests of the REST API, by their names in profiles.
const (
	restLedger       = "ledger"
	restEvents       = "events"
	restTransactions = "transactions"
	restTransaction  = "transaction"
	restOther        = "other"
)

// The headers with the state of a node's ledger.
const (
	headerLedger = "X-Aptos-Ledger-Version"
	headerOldest = "X-Aptos-Ledger-Oldest-Version"
	headerChain  = "X-Aptos-Chain-Id"
)

// restCall is a request of the REST API.
type restCall struct {
	method string // of HTTP
	path   string // escaped
	query  url.Values
	body   []byte
}

func newRESTExchange(r *http.Request, body []byte) *exchange {
	rest := &restCall{method: r.Method, path: r.URL.EscapedPath(), query: r.URL.Query(), body: body}
	return &exchange{r: r, rest: true, calls: []*call{{r: r, method: rest.kind(), rest: rest}}}
}

// kind returns the request's name in profiles.
func (r *restCall) kind() string {
	_, below, found := strings.Cut(r.path, restRoot)
	below = strings.Trim(below, "/")
	parts := strings.Split(below, "/")
	switch {
	case !found || r.method != http.MethodGet:
		return restOther
	case below == "":
		return restLedger
	case parts[0] == "accounts" && len(parts) > 3 && parts[2] == "events":
		return restEvents
	case below == "transactions":
		return restTransactions
	case parts[0] == "transactions" && len(parts) == 3:
		return restTransaction
	}
	return restOther
}

func (r *restCall) canonical() string {
	return r.method + r.path + "?" + r.query.Encode() + string(r.body)
}

// number returns a numeric query parameter.
func (r *restCall) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(r.query.Get(name), 10, 64)
	return n, err == nil
}

// withQuery returns the same request with another value of a query parameter, or without
// the parameter.
func (c *call) withQuery(name, value string) *call {
	rest := *c.rest
	rest.query = url.Values{}
	for n, v := range c.rest.query {
		rest.query[n] = v
	}
	rest.query.Del(name)
	if value != "" {
		rest.query.Set(name, value)
	}
	return &call{r: c.r, method: c.method, rest: &rest, asked: c.original()}
}

func (r *restCall) forward(ctx context.Context, node http.Handler, c *call) *answer {
	got := ask(ctx, node, c.r, r.method, r.path, r.query.Encode(), r.body)
	if got.failed {
		return c.refuse(http.StatusBadGateway, "internal_error", "the node aborted its answer, or the answer was too large")
	}
	return &answer{call: c, status: got.status, header: passed(got.header), body: got.body.Bytes()}
}

// refuse returns an error of the REST API.
func (c *call) refuse(status int, code, message string) *answer {
	return &answer{call: c, status: status, header: http.Header{"Content-Type": {"application/json"}},
		body: jsonOf(map[string]any{"message": message, "error_code": code, "vm_error_code": nil})}
}

// ledger returns the newest ledger version in the answer's header.
func (a *answer) ledger() (int64, bool) {
	n, err := strconv.ParseInt(a.header.Get(headerLedger), 10, 64)
	return n, err == nil
}

// set replaces a header.
func (a *answer) set(name string, value any) {
	a.header = a.header.Clone()
	if a.header == nil {
		a.header = http.Header{}
	}
	switch value := value.(type) {
	case int64:
		a.header.Set(name, strconv.FormatInt(value, 10))
	case string:
		a.header.Set(name, value)
	}
}

// page returns the list in a REST answer's body.
func (a *answer) page() ([]object, bool) {
	if !a.ok() {
		return nil, false
	}
	var list []object
	if json.Unmarshal(a.body, &list) != nil {
		return nil, false
	}
	return list, true
}
