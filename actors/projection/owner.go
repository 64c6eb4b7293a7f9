package projection

import (
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// toOwners returns the notifications of offers for tokens to the tokens' owners. The owner
// is the one at the offer's position by the log as of the transaction: events of streams
// that are behind are not considered.
func toOwners(tx persistence.Tx, activities []markets.Activity) ([]markets.Notification, error) {
	var keys []string
	for _, a := range activities {
		if a.ForAnyOwner() {
			keys = append(keys, tokenKey(a.Token))
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	slices.Sort(keys)
	log, err := tx.Log(slices.Compact(keys))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(log, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	var all []markets.Notification
	for _, a := range activities {
		if a.ForAnyOwner() {
			all = append(all, markets.OfferToOwner(a, ownerAt(a.Position, tokenKey(a.Token), log))...)
		}
	}
	return all, nil
}

func tokenKey(t markets.Token) string { return markets.RecordKey(markets.TokenRecord, t.ID) }

// ownerAt is the owner of a token before a position, by the changes of records in order of
// position; empty if it is not known.
func ownerAt(p markets.Position, key string, log []markets.Event) string {
	owner := ""
	for _, e := range log {
		if e.Key() != key || e.Record == nil || !p.After(e.Position) {
			continue
		}
		if e.Kind == markets.RecordRemoved {
			owner = ""
		}
		if name, ok := e.Record.Fields[markets.OwnerField].(string); ok {
			owner = name
		}
	}
	return owner
}
