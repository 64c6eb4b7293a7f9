package aptos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	sdk "github.com/aptos-labs/aptos-go-sdk"
	"github.com/aptos-labs/aptos-go-sdk/api"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// node is the REST client of one fullnode. The SDK gives the types; its own client
// takes no context, bounds no answer, hides the headers that date an answer, and
// puts the URL into its errors.
type node struct {
	*endpoint.Endpoint
	chainID uint64
	prefix  []string // the path's beginning
}

// The headers that every answer of a fullnode has.
const (
	chainIDHeader = "X-Aptos-Chain-Id"
	versionHeader = "X-Aptos-Ledger-Version"
)

func newNode(e *endpoint.Endpoint, chainID uint64) node {
	n := node{e, chainID, []string{"v1"}}
	if strings.HasSuffix(e.Path(), "/v1") {
		n.prefix = nil
	}
	return n
}

// get reads a path into what out points to.
func (n node) get(ctx context.Context, out any, query url.Values, path ...string) (int64, error) {
	return n.read(ctx, func(body []byte) error { return json.Unmarshal(body, out) }, query, path...)
}

// read reads a path with a function that must not keep the answer's bytes. It returns
// the ledger version that the answer is of, and fails unless the answer is of the
// configured chain.
func (n node) read(ctx context.Context, decode func(body []byte) error, query url.Values, path ...string) (int64, error) {
	answer, err := n.Get(ctx, query, append(n.prefix[:len(n.prefix):len(n.prefix)], path...)...)
	if err != nil {
		return 0, n.refusal(err)
	}
	defer answer.Release()
	version, err := n.dated(answer.Header)
	if err != nil {
		return 0, err
	}
	if err := decode(answer.Body()); err != nil {
		return 0, n.Errorf("%s: %w", strings.Join(path, "/"), err)
	}
	return version, nil
}

// dated is the ledger version of an answer with these headers, if it is one of the
// configured chain.
func (n node) dated(header http.Header) (int64, error) {
	id, err := strconv.ParseUint(header.Get(chainIDHeader), 10, 64)
	if err != nil {
		return 0, n.Errorf("answer without a %s header: not an Aptos fullnode", chainIDHeader)
	}
	if id != n.chainID {
		return 0, n.Errorf("%w: the endpoint's chain id is %d, the configured one %d", chains.ErrWrongChain, id, n.chainID)
	}
	version, err := strconv.ParseInt(header.Get(versionHeader), 10, 64)
	if err != nil || version < 0 {
		return 0, n.Errorf("answer without a %s header", versionHeader)
	}
	return version, nil
}

// ledgerVersion asks for the newest version.
func (n node) ledgerVersion(ctx context.Context) (int64, error) {
	var info struct {
		Version *number `json:"ledger_version"`
	}
	if _, err := n.get(ctx, &info, nil); err != nil {
		return 0, err
	}
	if info.Version == nil {
		return 0, n.Errorf("ledger info without ledger_version")
	}
	return int64(*info.Version), nil
}

// event is an event as a handle's page and a transaction give it.
type event struct {
	Version  number          `json:"version"` // on a handle's page only
	GUID     api.GUID        `json:"guid"`
	Sequence number          `json:"sequence_number"`
	Type     string          `json:"type"`
	Data     json.RawMessage `json:"data"`
}

// handle names an event handle among all.
type handle struct {
	account  sdk.AccountAddress
	creation uint64
}

// handle is the event's, if it has one: module events have none.
func (e event) handle() (handle, bool) {
	if e.GUID.AccountAddress == nil {
		return handle{}, false
	}
	return handle{*e.GUID.AccountAddress, e.GUID.CreationNumber}, true
}

// events asks for up to limit events of a handle from a number on, the newest if it is
// negative. It returns the ledger version as of which there were these.
func (n node) events(ctx context.Context, source markets.Source, start, limit int64) ([]event, int64, error) {
	var events []event
	query := url.Values{"limit": {strconv.FormatInt(limit, 10)}}
	if start >= 0 {
		query.Set("start", strconv.FormatInt(start, 10))
	}
	version, err := n.get(ctx, &events, query, "accounts", source.Account, "events", source.Handle, source.Field)
	if err == nil && int64(len(events)) > limit {
		err = n.Errorf("%d events of %s, %d were asked for", len(events), source.Field, limit)
	}
	return events, version, err
}

// eventHandle is an event handle in its resource.
type eventHandle struct {
	Counter *number `json:"counter"`
	GUID    struct {
		ID struct {
			Address  string `json:"addr"`
			Creation number `json:"creation_num"`
		} `json:"id"`
	} `json:"guid"`
}

// eventHandle asks for a handle as of a ledger version, the newest if it is negative.
func (n node) eventHandle(ctx context.Context, source markets.Source, version int64) (h eventHandle, err error) {
	var resource struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	query := url.Values{}
	if version >= 0 {
		query.Set("ledger_version", strconv.FormatInt(version, 10))
	}
	if _, err := n.get(ctx, &resource, query, "accounts", source.Account, "resource", source.Handle); err != nil {
		return h, err
	}
	if err := json.Unmarshal(resource.Data[source.Field], &h); err != nil || h.Counter == nil {
		return h, n.Errorf("field %s of %.200s is not an event handle", source.Field, source.Handle)
	}
	return h, nil
}

// counter asks how many events a handle has logged up to a ledger version, the newest if
// it is negative.
func (n node) counter(ctx context.Context, source markets.Source, version int64) (int64, error) {
	h, err := n.eventHandle(ctx, source, version)
	if err != nil {
		return 0, err
	}
	return int64(*h.Counter), nil
}

// transaction asks for the transaction of a version.
func (n node) transaction(ctx context.Context, version int64) (*transaction, error) {
	var t wireTransaction
	_, err := n.get(ctx, &t, nil, "transactions", "by_version", strconv.FormatInt(version, 10))
	if errors.Is(err, errNotFound) {
		return nil, fmt.Errorf("%w: version %d: %w", chains.ErrAhead, version, err)
	}
	if err != nil {
		return nil, err
	}
	if err := t.is(version); err != nil {
		return nil, n.Errorf("%w", err)
	}
	return t.parse()
}

// transactions asks for the transactions of versions, and returns those that lie in one
// page of the ledger, at least the first.
func (n node) transactions(ctx context.Context, versions []int64) ([]*transaction, error) {
	first, last := versions[0], versions[len(versions)-1]
	var out []*transaction
	decode := func(body []byte) error {
		var page []json.RawMessage
		if err := json.Unmarshal(body, &page); err != nil {
			return err
		}
		for _, v := range versions {
			if v-first >= int64(len(page)) {
				break
			}
			var w wireTransaction
			if err := json.Unmarshal(page[v-first], &w); err != nil {
				return err
			}
			if err := w.is(v); err != nil {
				return err
			}
			t, err := w.parse()
			if err != nil {
				return fmt.Errorf("version %d: %w", v, err)
			}
			out = append(out, t)
		}
		return nil
	}
	query := url.Values{"start": {strconv.FormatInt(first, 10)}, "limit": {strconv.FormatInt(min(last-first+1, pageSize), 10)}}
	_, err := n.read(ctx, decode, query, "transactions")
	switch {
	case errors.Is(err, errNotFound):
		return nil, fmt.Errorf("%w: version %d: %w", chains.ErrAhead, first, err)
	case err == nil && len(out) == 0:
		return nil, n.Errorf("no transactions from version %d on", first)
	}
	return out, err
}

// number is a u64 of the API, a string in JSON. All of ours fit 63 bits.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(data []byte) error {
	var v api.U64
	if err := v.UnmarshalJSON(data); err != nil {
		return err
	}
	if v > math.MaxInt64 {
		return fmt.Errorf("number %d is too large", v)
	}
	*n = number(v)
	return nil
}
