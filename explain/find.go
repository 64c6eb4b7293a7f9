package explain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// ErrUnknown means that the data have no such order. The error says what may have been meant.
var ErrUnknown = errors.New("unknown order")

// ErrAmbiguous means that several markets have an order with the key. The error names them.
var ErrAmbiguous = errors.New("several orders have this key")

const (
	maxID      = 1000 // bytes
	named      = 10   // orders that an error names at most
	maxPages   = 1000 // activities read to find the orders that they are of
	nearDigits = 8    // characters that the key of an order has in common with a misspelt one
)

// find is the order that an id names.
func find(ctx context.Context, docs persistence.Querier, id string) (ref, error) {
	if id == "" || len(id) > maxID {
		return ref{}, fmt.Errorf("%w: write its _id, chain/market/key, of at most %d characters", ErrUnknown, maxID)
	}
	known, err := marketsOf(ctx, docs)
	if err != nil {
		return ref{}, err
	}
	in, key, err := split(id, known)
	if err != nil {
		return ref{}, err
	}
	found, err := ordersNamed(ctx, docs, in, spellings(key))
	if err != nil {
		return ref{}, err
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return ref{}, unknown(ctx, docs, in, id, key)
	}
	return ref{}, fmt.Errorf("%w, %q: write %s", ErrAmbiguous, id, list(found))
}

// marketsOf are the markets of the data.
func marketsOf(ctx context.Context, docs persistence.Querier) ([]persistence.MarketRef, error) {
	actors, err := persistence.Collect[persistence.Actor](ctx, docs, query(persistence.Actors, persistence.Exists{Path: "market"}))
	if err != nil {
		return nil, fmt.Errorf("reading the markets: %w", err)
	}
	known := map[persistence.MarketRef]bool{}
	for _, a := range actors {
		known[persistence.MarketRef{Chain: a.Chain, Market: a.Market}] = a.Market != ""
	}
	maps.DeleteFunc(known, func(_ persistence.MarketRef, is bool) bool { return !is })
	return slices.SortedFunc(maps.Keys(known), func(a, b persistence.MarketRef) int { return strings.Compare(market(a), market(b)) }), nil
}

func market(m persistence.MarketRef) string { return m.Chain + "/" + m.Market }

// split is the markets that may have the order of an id, and its key.
func split(id string, known []persistence.MarketRef) ([]persistence.MarketRef, string, error) {
	if len(known) == 0 {
		return nil, "", fmt.Errorf("%w %q: the data have no market yet", ErrUnknown, id)
	}
	var names []string
	for _, m := range known {
		if key, in := strings.CutPrefix(id, market(m)+"/"); in {
			return []persistence.MarketRef{m}, key, nil
		}
		names = append(names, market(m))
	}
	parts := strings.SplitN(id, "/", 3)
	if len(parts) == 3 && !strings.HasPrefix(id, "0x") {
		of := parts[0] + "/" + parts[1]
		return nil, "", fmt.Errorf("%w %q: the data have no market %s%s: they have %s", ErrUnknown, id, of, spelling.DidYouMean(of, names), strings.Join(names, ", "))
	}
	return known, id, nil
}

var hexNumber = regexp.MustCompile(`0[xX][0-9a-fA-F]+`)

// spellings are the keys that a key may stand for: as it is written, and as keys are written,
// with addresses of EVM chains in EIP-55 and other numbers in lower case.
func spellings(key string) []string {
	canonical := hexNumber.ReplaceAllStringFunc(key, func(number string) string {
		if number = strings.ToLower(number); common.IsHexAddress(number) {
			return common.HexToAddress(number).Hex()
		}
		return number
	})
	return slices.Compact([]string{key, canonical})
}

// ordersNamed are the orders of some markets with a key, or whose key has it as its hash:
// those that have a document, or else those of which the log has events.
func ordersNamed(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, keys []string) ([]ref, error) {
	found, err := exactly(ctx, docs, in, keys)
	if err != nil || len(found) > 0 {
		return found, err
	}
	found, err = stored(ctx, docs, in, func(m persistence.MarketRef) (keyed, identified persistence.Condition) {
		return whole("key", "", keys), whole("_id", market(m)+"/", keys)
	})
	if err != nil || len(found) > 0 {
		return found, err
	}
	q := query(persistence.Activities, persistence.And{whole("order", "", keys), anyOf(in)})
	q.Limit = maxPages
	activities, err := persistence.Collect[markets.Activity](ctx, docs, q)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return refsOf(activities), nil
}

// exactly are the orders of some markets with a key.
func exactly(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, keys []string) (found []ref, err error) {
	for _, m := range in {
		for _, key := range keys {
			o := ref{MarketRef: m, key: key}
			for _, err := range search(ctx, docs, persistence.Orders, persistence.Equals("_id", o.id())) {
				if err != nil {
					return nil, err
				}
				found = append(found, o)
			}
		}
	}
	return sorted(found), nil
}

// stored are the orders of some markets whose documents meet a condition on their keys, once
// more as one on their _id, which has an index.
func stored(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, where func(persistence.MarketRef) (keyed, identified persistence.Condition)) ([]ref, error) {
	either := persistence.Or{}
	for _, m := range in {
		keyed, identified := where(m)
		either = append(either, append(persistence.And{keyed}, append(m.Documents(), identified)...))
	}
	q := query(persistence.Orders, either)
	q.Limit = named + 1
	orders, err := persistence.Collect[markets.Order](ctx, docs, q)
	if err != nil {
		return nil, fmt.Errorf("reading orders: %w", err)
	}
	var out []ref
	for _, o := range orders {
		out = append(out, ref{MarketRef: persistence.MarketRef{Chain: o.Chain, Market: o.Market}, key: o.Key})
	}
	return sorted(out), nil
}

// whole is the condition that a field is one of the keys, or one of them and a contract.
func whole(path, prefix string, keys []string) persistence.Condition {
	either := persistence.Or{}
	for _, key := range keys {
		either = append(either, persistence.Equals(path, prefix+key))
		if !strings.Contains(key, "@") {
			either = append(either, between(path, prefix+key+"@"))
		}
	}
	return either
}

// between is the condition that a field starts with a text of ASCII.
func between(path, start string) persistence.Condition {
	last := len(start) - 1
	return persistence.And{
		persistence.Compare{Path: path, Operator: persistence.GreaterOrEqual, Operand: start},
		persistence.Compare{Path: path, Operator: persistence.Less, Operand: start[:last] + string(start[last]+1)},
	}
}

func anyOf(in []persistence.MarketRef) persistence.Condition {
	either := persistence.Or{}
	for _, m := range in {
		either = append(either, m.Documents())
	}
	return either
}

// refsOf are the orders that activities are of.
func refsOf(activities []markets.Activity) (out []ref) {
	for _, a := range activities {
		if o := (ref{MarketRef: persistence.MarketRef{Chain: a.Chain, Market: a.Market}, key: a.Order}); a.Order != "" {
			out = append(out, o)
		}
	}
	return sorted(out)
}

func sorted(refs []ref) []ref {
	slices.SortFunc(refs, func(a, b ref) int { return strings.Compare(a.id(), b.id()) })
	return slices.Compact(refs)
}

// list are the first of some orders, by _id.
func list(refs []ref) string {
	var ids []string
	for _, o := range refs[:min(len(refs), named)] {
		ids = append(ids, o.id())
	}
	text := strings.Join(ids, " or ")
	if len(refs) > named {
		text += " or another"
	}
	return text
}

// unknown is the error of an id that names no order: with what may have been meant.
func unknown(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, id, key string) error {
	keys := spellings(key)
	hint, err := handedIn(ctx, docs, in, keys)
	if err == nil && hint == "" {
		hint, err = ofTransaction(ctx, docs, in, keys)
	}
	if err == nil && hint == "" {
		hint, err = near(ctx, docs, in, keys[len(keys)-1])
	}
	if err != nil {
		return err
	}
	if hint == "" {
		hint = "\"query orders\" prints orders with their _id"
	}
	return fmt.Errorf("%w %q: %s", ErrUnknown, id, hint)
}

// handedIn tells of an order that was signed off chain and is not taken in.
func handedIn(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, keys []string) (string, error) {
	either := persistence.Or{}
	for _, key := range keys {
		hash, _, _ := strings.Cut(key, "@")
		either = append(either, persistence.Equals("_id", key), persistence.Equals("hash", hash))
	}
	for doc, err := range search(ctx, docs, persistence.SignedOrders, persistence.And{anyOf(in), either}) {
		if err != nil {
			return "", err
		}
		var s signedDocument
		switch err := json.Unmarshal(doc, &s); {
		case err != nil:
			return "", fmt.Errorf("reading signed orders: %w", err)
		case s.State == persistence.SignedRejected:
			return "it was handed in as a signed order, and rejected: " + s.Reason, nil
		case s.State == persistence.SignedAccepted:
			return "it was handed in as a signed order, and accepted as " + s.Chain + "/" + s.Market + "/" + s.Order, nil
		}
		return "it was handed in as a signed order, which the worker has not answered yet", nil
	}
	return "", nil
}

// ofTransaction names the orders that a transaction concerns.
func ofTransaction(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, keys []string) (string, error) {
	either := persistence.Or{}
	for _, key := range keys {
		either = append(either, persistence.Equals("transaction", key))
	}
	q := query(persistence.Activities, persistence.And{either, anyOf(in)})
	q.Limit = maxPages
	activities, err := persistence.Collect[markets.Activity](ctx, docs, q)
	if err != nil || len(activities) == 0 {
		return "", err
	}
	if orders := refsOf(activities); len(orders) > 0 {
		return "it is a transaction; its orders are " + list(orders), nil
	}
	return "it is a transaction, and concerns no single order", nil
}

// near names the orders whose keys begin like a key.
func near(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, key string) (string, error) {
	if len(key) < nearDigits || strings.ContainsFunc(key, func(r rune) bool { return r > '~' || r < ' ' }) {
		return "", nil
	}
	start := key[:nearDigits]
	found, err := stored(ctx, docs, in, func(m persistence.MarketRef) (keyed, identified persistence.Condition) {
		return between("key", start), between("_id", market(m)+"/"+start)
	})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return "did you mean " + list(found) + "?", nil
}
