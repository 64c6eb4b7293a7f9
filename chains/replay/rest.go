package replay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	defaultPage = 25  // events
	maxPage     = 100 // events; a larger limit is cut to it, as nodes do
)

// restError is an error of the Aptos REST API.
type restError struct {
	status  int
	code    string
	message string
}

// rest is the handler of the Aptos REST API.
func (n *Node) rest() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern, name string, answer func(*ledger, int64, *http.Request) (any, *restError)) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			n.count(name)
			head := n.Head()
			v, err := answer(n.recording.ledger, head, r)
			n.writeREST(w, head, v, err)
		})
	}
	handle("/v1/{$}", "ledger", n.ledgerInfo)
	handle("/v1", "ledger", n.ledgerInfo)
	handle("/v1/accounts/{account}/events/{handle}/{field}", "events", events)
	handle("/v1/accounts/{account}/resource/{handle}", "resource", resource)
	handle("/v1/transactions/by_version/{version}", "transactions", transactionByVersion)
	handle("/v1/transactions", "transactions", transactionPage)
	handle("/v1/transactions/by_hash/{hash}", "transactions", transactionByHash)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n.writeREST(w, n.Head(), nil, &restError{http.StatusNotFound, "web_framework_error", "not found"})
	})
	return mux
}

func (n *Node) writeREST(w http.ResponseWriter, head int64, v any, failed *restError) {
	l := n.recording.ledger
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Aptos-Chain-Id", strconv.FormatUint(n.recording.ChainID, 10))
	h.Set("X-Aptos-Ledger-Version", strconv.FormatInt(head, 10))
	h.Set("X-Aptos-Ledger-Oldest-Version", strconv.FormatInt(l.oldest, 10))
	h.Set("X-Aptos-Ledger-TimestampUsec", strconv.FormatInt(l.time(head), 10))
	h.Set("X-Aptos-Epoch", "1")
	h.Set("X-Aptos-Block-Height", strconv.FormatInt(blockHeight(head), 10))
	h.Set("X-Aptos-Oldest-Block-Height", strconv.FormatInt(blockHeight(l.oldest), 10))
	if failed != nil {
		w.WriteHeader(failed.status)
		v = map[string]any{"message": failed.message, "error_code": failed.code, "vm_error_code": nil}
	}
	_ = json.NewEncoder(w).Encode(v)
}

// blockHeight is made up: blocks were not recorded.
func blockHeight(version int64) int64 { return version / 4 }

func (n *Node) ledgerInfo(l *ledger, head int64, _ *http.Request) (any, *restError) {
	return map[string]any{
		"chain_id":              n.recording.ChainID,
		"epoch":                 "1",
		"ledger_version":        strconv.FormatInt(head, 10),
		"oldest_ledger_version": strconv.FormatInt(l.oldest, 10),
		"ledger_timestamp":      strconv.FormatInt(l.time(head), 10),
		"node_role":             "full_node",
		"oldest_block_height":   strconv.FormatInt(blockHeight(l.oldest), 10),
		"block_height":          strconv.FormatInt(blockHeight(head), 10),
	}, nil
}

// events answers a page of a handle: up to limit events from sequence number
// start on, or the newest ones without start; ascending either way.
func events(l *ledger, head int64, r *http.Request) (any, *restError) {
	key := handleKey{longAddresses(r.PathValue("account")), longAddresses(r.PathValue("handle")), r.PathValue("field")}
	h := l.handles[key]
	if h == nil {
		return nil, &restError{http.StatusNotFound, "resource_not_found", fmt.Sprintf(
			"Resource not found by Address(%.80s), Struct tag(%.200s) and Ledger version(%d)", key.account, key.resource, head)}
	}
	start, hasStart, err := number(r, "start")
	if err != nil {
		return nil, err
	}
	limit, hasLimit, err := number(r, "limit")
	if err != nil {
		return nil, err
	}
	if !hasLimit {
		limit = defaultPage
	}
	if limit == 0 {
		return nil, badInput("Given limit value (0) must not be zero")
	}
	limit = min(limit, maxPage)

	served, _ := slices.BinarySearchFunc(h.events, head+1, func(e event, version int64) int { return cmp.Compare(e.version, version) })
	page := h.events[:served]
	if hasStart {
		first, _ := slices.BinarySearchFunc(page, start, func(e event, s int64) int { return cmp.Compare(e.sequence, s) })
		page = page[first:min(first+int(limit), served)]
	} else {
		page = page[max(served-int(limit), 0):]
	}
	out := make([]json.RawMessage, len(page))
	for i, e := range page {
		out[i] = e.body
	}
	return out, nil
}

// resource answers the resource of an account that holds event handles: of each the
// counter that was reached at a version. Nothing else of it was recorded.
func resource(l *ledger, head int64, r *http.Request) (any, *restError) {
	version, has, failed := number(r, "ledger_version")
	switch {
	case failed != nil:
		return nil, failed
	case !has:
		version = head
	case version < l.oldest:
		return nil, &restError{http.StatusGone, "version_pruned", fmt.Sprintf("Ledger version(%d) has been pruned", version)}
	case version > head:
		return nil, &restError{http.StatusNotFound, "version_not_found", fmt.Sprintf("Ledger version(%d) is not found", version)}
	}
	account, name := longAddresses(r.PathValue("account")), longAddresses(r.PathValue("handle"))
	data := map[string]any{}
	for key, h := range l.handles {
		if key.account != account || key.resource != name {
			continue
		}
		served, _ := slices.BinarySearchFunc(h.events, version+1, func(e event, v int64) int { return cmp.Compare(e.version, v) })
		counter := int64(0)
		if served > 0 {
			counter = h.events[served-1].sequence + 1
		}
		data[key.field] = map[string]any{
			"counter": strconv.FormatInt(counter, 10),
			"guid":    map[string]any{"id": map[string]string{"addr": h.account, "creation_num": strconv.FormatInt(h.number, 10)}},
		}
	}
	if len(data) == 0 {
		return nil, &restError{http.StatusNotFound, "resource_not_found", fmt.Sprintf(
			"Resource not found by Address(%.80s), Struct tag(%.200s) and Ledger version(%d)", account, name, version)}
	}
	return map[string]any{"type": r.PathValue("handle"), "data": data}, nil
}

func transactionByVersion(l *ledger, head int64, r *http.Request) (any, *restError) {
	version, err := strconv.ParseInt(r.PathValue("version"), 10, 64)
	if err != nil || version < 0 {
		return nil, badInput("failed to parse path `txn_version`: want a ledger version")
	}
	if version < l.oldest {
		return nil, &restError{http.StatusGone, "version_pruned", fmt.Sprintf("Ledger version(%d) has been pruned", version)}
	}
	t := l.transactions[version]
	if t == nil || version > head {
		return nil, &restError{http.StatusNotFound, "transaction_not_found", fmt.Sprintf(
			"Transaction not found by Ledger version(%d)", version)}
	}
	return t.body, nil
}

// transactionPage answers up to limit transactions from version start on, or the newest
// ones without start.
func transactionPage(l *ledger, head int64, r *http.Request) (any, *restError) {
	start, hasStart, err := number(r, "start")
	if err != nil {
		return nil, err
	}
	limit, hasLimit, err := number(r, "limit")
	switch {
	case err != nil:
		return nil, err
	case !hasLimit:
		limit = defaultPage
	case limit == 0:
		return nil, badInput("Given limit value (0) must not be zero")
	}
	limit = min(limit, maxPage)
	if !hasStart {
		start = max(head-limit+1, l.oldest)
	}
	switch {
	case start < l.oldest:
		return nil, &restError{http.StatusGone, "version_pruned", fmt.Sprintf("Ledger version(%d) has been pruned", start)}
	case start > head:
		return nil, &restError{http.StatusNotFound, "transaction_not_found", fmt.Sprintf("Transaction not found by Ledger version(%d)", start)}
	}
	page := []json.RawMessage{}
	for version := start; version < start+limit && version <= head; version++ {
		page = append(page, l.body(version))
	}
	return page, nil
}

func transactionByHash(l *ledger, head int64, r *http.Request) (any, *restError) {
	hash := r.PathValue("hash")
	for _, t := range l.transactions {
		if strings.EqualFold(t.hash, hash) && t.version >= l.oldest && t.version <= head {
			return t.body, nil
		}
	}
	return nil, &restError{http.StatusNotFound, "transaction_not_found", fmt.Sprintf("Transaction not found by Transaction hash(%.80s)", hash)}
}

// number reads a query parameter that is a number, if it is there.
func number(r *http.Request, name string) (int64, bool, *restError) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, false, badInput(fmt.Sprintf("failed to parse query parameter `%s`: want a number", name))
	}
	return int64(min(n, math.MaxInt64)), true, nil
}

func badInput(message string) *restError {
	return &restError{http.StatusBadRequest, "invalid_input", message}
}
