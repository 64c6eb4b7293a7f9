package aptos

import (
	"context"
	"encoding/json"
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

// node is the client of the fullnodes' REST API. The SDK gives the types; its own client takes
// no context, bounds no answer, hides the headers with the ledger version, and puts the URL
// into its errors.
type node struct {
	pool    *endpoint.Pool
	chainID uint64
}

// The headers that every answer of a fullnode has.
const (
	chainIDHeader = "X-Aptos-Chain-Id"
	versionHeader = "X-Aptos-Ledger-Version"
	oldestHeader  = "X-Aptos-Ledger-Oldest-Version"
)

// request is a GET. The answer must be of the ledger version need.To or later, or another
// endpoint is asked.
type request struct {
	need  endpoint.Need
	path  []string
	query url.Values
}

// Errorf makes an error that names the endpoints.
func (n node) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", strings.Join(n.pool.Hosts(), ", "), fmt.Errorf(format, args...))
}

// get reads a JSON answer. check may refuse it, so that another endpoint is asked.
func get[T any](ctx context.Context, n node, r request, check func(answer T, version int64) error) (out T, version int64, err error) {
	version, err = n.read(ctx, r, func(body []byte, version int64) error {
		var fresh T // without leftovers of another endpoint's answer
		if err := json.Unmarshal(body, &fresh); err != nil {
			return err
		}
		if check != nil {
			if err := check(fresh, version); err != nil {
				return err
			}
		}
		out = fresh
		return nil
	})
	return out, version, err
}

// read hands an answer to decode, which must not keep its bytes and is called again if another
// endpoint is asked. It returns the ledger version of the answer. A missingError is an answer,
// too, and not failed over.
func (n node) read(ctx context.Context, r request, decode func(body []byte, version int64) error) (version int64, err error) {
	var missing *missingError
	err = n.pool.Use(ctx, r.need, func(ctx context.Context, e *endpoint.Endpoint) (err error) {
		version, missing, err = n.ask(ctx, e, r, decode)
		return err
	})
	if err == nil && missing != nil {
		err = missing
	}
	return version, err
}

// ask asks one endpoint.
func (n node) ask(ctx context.Context, e *endpoint.Endpoint, r request, decode func([]byte, int64) error) (int64, *missingError, error) {
	path := r.path
	if !strings.HasSuffix(strings.TrimRight(e.Path(), "/"), "/v1") {
		path = append([]string{"v1"}, path...)
	}
	answer, err := e.Get(endpoint.AcceptStatus(ctx, http.StatusNotFound), r.query, path...)
	if err != nil {
		return 0, nil, n.interpret(e, err)
	}
	defer answer.Release()
	if answer.Status == http.StatusNotFound {
		missing, err := n.notFound(e, r, answer)
		return 0, missing, err
	}
	version, err := n.checkHeaders(e, answer.Header)
	if err != nil {
		return 0, nil, err
	}
	if err := n.checkReached(e, r, version); err != nil {
		return 0, nil, err
	}
	if err := decode(answer.Body(), version); err != nil {
		err = e.Malformed("%s: %w", strings.Join(r.path, "/"), err)
		e.NoteCall(err)
		return 0, nil, err
	}
	return version, nil, nil
}

// checkHeaders returns the ledger version of an answer that is of the configured chain.
func (n node) checkHeaders(e *endpoint.Endpoint, header http.Header) (int64, error) {
	id, err := strconv.ParseUint(header.Get(chainIDHeader), 10, 64)
	if err != nil {
		return 0, e.Malformed("answer without a %s header: not an Aptos fullnode", chainIDHeader)
	}
	if id != n.chainID {
		e.MarkWrongChain()
		return 0, e.Errorf("%w: the endpoint's chain id is %d, the configured one %d", chains.ErrWrongChain, id, n.chainID)
	}
	version, err := strconv.ParseInt(header.Get(versionHeader), 10, 64)
	if err != nil || version < 0 {
		return 0, e.Malformed("answer without a %s header", versionHeader)
	}
	e.NoteHeight(version)
	return version, nil
}

// checkReached checks that an answer is of a late enough ledger version.
func (n node) checkReached(e *endpoint.Endpoint, r request, version int64) error {
	if version >= r.need.To {
		return nil
	}
	e.MarkLagging()
	return e.Errorf("%w: ledger at version %d, version %d is needed", chains.ErrAhead, version, r.need.To)
}

// ledgerVersion asks for the newest version.
func (n node) ledgerVersion(ctx context.Context) (int64, error) {
	type ledgerInfo struct {
		Version *number `json:"ledger_version"`
	}
	info, _, err := get(ctx, n, request{}, func(info ledgerInfo, _ int64) error {
		if info.Version == nil {
			return fmt.Errorf("ledger info without ledger_version")
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int64(*info.Version), nil
}

// event is an event on a handle's page or in a transaction.
type event struct {
	Version  number          `json:"version"` // on a handle's page only
	GUID     eventGUID       `json:"guid"`
	Sequence number          `json:"sequence_number"`
	Type     string          `json:"type"`
	Data     json.RawMessage `json:"data"`
}

// eventGUID is a handle as events name it.
type eventGUID struct{ api.GUID }

// UnmarshalJSON implements json.Unmarshaler. The SDK's own panics on null.
func (g *eventGUID) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	return g.GUID.UnmarshalJSON(data)
}

// handle identifies an event handle.
type handle struct {
	account  sdk.AccountAddress
	creation uint64
}

// handle is the event's handle; module events have none.
func (e event) handle() (handle, bool) {
	if e.GUID.AccountAddress == nil {
		return handle{}, false
	}
	return handle{*e.GUID.AccountAddress, e.GUID.CreationNumber}, true
}

// events asks for up to limit events of a handle from a number on, the newest if that is
// negative. It returns the ledger version of the answer. check, if not nil, may refuse the
// events.
func (n node) events(ctx context.Context, need endpoint.Need, source markets.Source, start, limit int64, check func([]event, int64) error) ([]event, int64, error) {
	r := request{need, []string{"accounts", source.Account, "events", source.Handle, source.Field}, url.Values{"limit": {decimal(limit)}}}
	if start >= 0 {
		r.query.Set("start", decimal(start))
	}
	events, version, err := get(ctx, n, r, func(events []event, version int64) error {
		if int64(len(events)) > limit {
			return fmt.Errorf("%d events of %s, at most %d were requested", len(events), source.Field, limit)
		}
		if check == nil {
			return nil
		}
		return check(events, version)
	})
	if limit > 1 && endpoint.RefusalOf(err).IsSize() {
		return n.events(ctx, need, source, start, limit/2, check)
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

// eventHandle asks for a handle's resource as of a ledger version, the newest if that is
// negative.
func (n node) eventHandle(ctx context.Context, source markets.Source, version int64) (h eventHandle, err error) {
	type resource struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	r := request{path: []string{"accounts", source.Account, "resource", source.Handle}, query: url.Values{}}
	if version >= 0 {
		r.need = endpoint.Need{From: version, To: version}
		r.query.Set("ledger_version", decimal(version))
	}
	_, _, err = get(ctx, n, r, func(answer resource, _ int64) error {
		h = eventHandle{}
		if err := json.Unmarshal(answer.Data[source.Field], &h); err != nil || h.Counter == nil {
			return fmt.Errorf("field %s of %.200s is not an event handle", source.Field, source.Handle)
		}
		return nil
	})
	return h, err
}

// counter asks how many events a handle has logged up to a ledger version, the newest if that
// is negative.
func (n node) counter(ctx context.Context, source markets.Source, version int64) (int64, error) {
	h, err := n.eventHandle(ctx, source, version)
	if err != nil {
		return 0, err
	}
	return int64(*h.Counter), nil
}

// transaction asks for the transaction of a version.
func (n node) transaction(ctx context.Context, version int64) (kept *transaction, err error) {
	r := request{need: endpoint.Need{From: version, To: version}, path: []string{"transactions", "by_version", decimal(version)}}
	_, _, err = get(ctx, n, r, func(w wireTransaction, _ int64) (err error) {
		if err = w.checkVersion(version); err == nil {
			kept, err = w.parse()
		}
		return err
	})
	return kept, err
}

// transactions asks for the transactions of versions in one page of the ledger. It returns at
// least the first.
func (n node) transactions(ctx context.Context, versions []int64) (out []*transaction, err error) {
	first, last := versions[0], versions[len(versions)-1]
	r := request{
		need: endpoint.Need{From: first, To: last}, path: []string{"transactions"},
		query: url.Values{"start": {decimal(first)}, "limit": {decimal(min(last-first+1, pageSize))}},
	}
	_, _, err = get(ctx, n, r, func(page []json.RawMessage, _ int64) (err error) {
		out, err = parsePage(page, versions)
		return err
	})
	if len(versions) > 1 && endpoint.RefusalOf(err).IsSize() {
		return n.transactions(ctx, versions[:len(versions)/2])
	}
	return out, err
}

// parsePage parses the transactions of the given versions on a page that begins with the first
// of them.
func parsePage(page []json.RawMessage, versions []int64) (out []*transaction, err error) {
	for _, v := range versions {
		at := v - versions[0]
		if at >= int64(len(page)) {
			break
		}
		var w wireTransaction
		if err := json.Unmarshal(page[at], &w); err != nil {
			return nil, err
		}
		if err := w.checkVersion(v); err != nil {
			return nil, err
		}
		t, err := w.parse()
		if err != nil {
			return nil, fmt.Errorf("version %d: %w", v, err)
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no transactions from version %d on", versions[0])
	}
	return out, nil
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

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
