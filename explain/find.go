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

// ErrUnknown means that no such order exists. The error suggests what may have been meant.
var ErrUnknown = errors.New("unknown order")

// ErrAmbiguous means that several markets have an order with the key. The error names them.
var ErrAmbiguous = errors.New("several orders have this key")

const (
	maxID         = 1000 // length in bytes
	maxNamed      = 10   // orders in an error message
	maxActivities = 1000 // read to find the orders that they belong to
	hintPrefix    = 8    // characters that a misspelt key must share with a suggested one
)

// find returns the order that id names.
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

// marketsOf returns all markets that have actors, sorted by name.
func marketsOf(ctx context.Context, docs persistence.Querier) ([]persistence.MarketRef, error) {
	actors, err := persistence.Collect[persistence.Actor](ctx, docs, query(persistence.Actors, persistence.Exists{Path: "market"}))
	if err != nil {
		return nil, fmt.Errorf("reading the markets: %w", err)
	}
	known := map[persistence.MarketRef]bool{}
	for _, a := range actors {
		if a.Market != "" {
			known[persistence.MarketRef{Chain: a.Chain, Market: a.Market}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(known), func(a, b persistence.MarketRef) int { return strings.Compare(market(a), market(b)) }), nil
}

func market(m persistence.MarketRef) string { return m.Chain + "/" + m.Market }

// split returns the markets that may have the order that id names, and its key.
func split(id string, known []persistence.MarketRef) ([]persistence.MarketRef, string, error) {
	if len(known) == 0 {
		return nil, "", fmt.Errorf("%w %q: the database contains no market yet", ErrUnknown, id)
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
		return nil, "", fmt.Errorf("%w %q: the database contains no market %q%s: it contains %s", ErrUnknown, id, of, spelling.DidYouMean(of, names), strings.Join(names, ", "))
	}
	return known, id, nil
}

var hexNumber = regexp.MustCompile(`0[xX][0-9a-fA-F]+`)

// spellings returns the keys that a user's key may stand for: the key itself, and its
// stored form, with EVM addresses in EIP-55 and other hexadecimal numbers in lower case.
func spellings(key string) []string {
	canonical := hexNumber.ReplaceAllStringFunc(key, func(number string) string {
		if number = strings.ToLower(number); common.IsHexAddress(number) {
			return common.HexToAddress(number).Hex()
		}
		return number
	})
	return slices.Compact([]string{key, canonical})
}

// ordersNamed returns the orders of some markets whose key, or the hash in it, is one of
// keys: those with a document or, if there are none, those with events in the log.
func ordersNamed(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, keys []string) ([]ref, error) {
	found, err := exactly(ctx, docs, in, keys)
	if err != nil || len(found) > 0 {
		return found, err
	}
	found, err = stored(ctx, docs, in, func(m persistence.MarketRef) (keyed, identified persistence.Condition) {
		return withKey("key", "", keys), withKey("_id", market(m)+"/", keys)
	})
	if err != nil || len(found) > 0 {
		return found, err
	}
	q := query(persistence.Activities, persistence.And{withKey("order", "", keys), anyOf(in)})
	q.Limit = maxActivities
	activities, err := persistence.Collect[markets.Activity](ctx, docs, q)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return refsOf(activities), nil
}

// exactly returns the orders of some markets whose key is one of keys.
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

// stored returns the orders of some markets whose documents match a condition on their
// keys. The condition is given twice: on the key, and on the _id, which has an index.
func stored(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, where func(persistence.MarketRef) (keyed, identified persistence.Condition)) ([]ref, error) {
	either := persistence.Or{}
	for _, m := range in {
		keyed, identified := where(m)
		either = append(either, append(persistence.And{keyed}, append(m.Documents(), identified)...))
	}
	q := query(persistence.Orders, either)
	q.Limit = maxNamed + 1
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

// withKey is the condition that a field equals prefix and one of the keys, optionally
// followed by a contract.
func withKey(path, prefix string, keys []string) persistence.Condition {
	either := persistence.Or{}
	for _, key := range keys {
		either = append(either, persistence.Equals(path, prefix+key))
		if !strings.Contains(key, "@") {
			either = append(either, startsWith(path, prefix+key+"@"))
		}
	}
	return either
}

// startsWith is the condition that a field starts with an ASCII text.
func startsWith(path, start string) persistence.Condition {
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

// refsOf returns the orders of some activities.
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

// list names the first maxNamed of some orders by their _id.
func list(refs []ref) string {
	var ids []string
	for _, o := range refs[:min(len(refs), maxNamed)] {
		ids = append(ids, o.id())
	}
	text := strings.Join(ids, " or ")
	if len(refs) > maxNamed {
		text += " or another"
	}
	return text
}

// unknown returns the error for an id that names no order, with a hint.
func unknown(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, id, key string) error {
	keys := spellings(key)
	hint, err := handedIn(ctx, docs, in, keys)
	if err == nil && hint == "" {
		hint, err = ofTransaction(ctx, docs, in, keys)
	}
	if err == nil && hint == "" {
		hint, err = similar(ctx, docs, in, keys[len(keys)-1])
	}
	if err != nil {
		return err
	}
	if hint == "" {
		hint = "\"query orders\" prints orders with their _id"
	}
	return fmt.Errorf("%w %q: %s", ErrUnknown, id, hint)
}

// handedIn returns a hint if the id names an order that was submitted as a signed order.
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
			return "it was submitted as a signed order, and rejected: " + s.Reason, nil
		case s.State == persistence.SignedAccepted:
			return "it was submitted as a signed order, and accepted as " + s.Chain + "/" + s.Market + "/" + s.Order, nil
		}
		return "it was submitted as a signed order, which the worker has not answered yet", nil
	}
	return "", nil
}

// ofTransaction returns a hint if the id is the hash of a transaction.
func ofTransaction(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, keys []string) (string, error) {
	either := persistence.Or{}
	for _, key := range keys {
		either = append(either, persistence.Equals("transaction", key))
	}
	q := query(persistence.Activities, persistence.And{either, anyOf(in)})
	q.Limit = maxActivities
	activities, err := persistence.Collect[markets.Activity](ctx, docs, q)
	if err != nil || len(activities) == 0 {
		return "", err
	}
	if orders := refsOf(activities); len(orders) > 0 {
		return "it is a transaction; its orders are " + list(orders), nil
	}
	return "it is a transaction, and concerns no single order", nil
}

// similar returns a hint that names the orders whose keys start with the same characters.
func similar(ctx context.Context, docs persistence.Querier, in []persistence.MarketRef, key string) (string, error) {
	if len(key) < hintPrefix || strings.ContainsFunc(key, func(r rune) bool { return r > '~' || r < ' ' }) {
		return "", nil
	}
	start := key[:hintPrefix]
	found, err := stored(ctx, docs, in, func(m persistence.MarketRef) (keyed, identified persistence.Condition) {
		return startsWith("key", start), startsWith("_id", market(m)+"/"+start)
	})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return "did you mean " + list(found) + "?", nil
}
