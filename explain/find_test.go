package explain_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

const (
	hash     = "0x266f5a7c2cfec3a506c22ac0a85e3d284eb36e63df8e623c64a413033d7d1163"
	contract = "0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC"
	former   = "0x00000000006c3852cbEf3e08E8dF289169EdE581"
)

func listing(key string) markets.Event {
	return markets.Event{
		Kind: markets.Listed, Stream: "list", Seq: 1, Position: markets.Position{Height: 1}, Time: now, Order: key, Maker: "maker",
		Transaction: "0xee", Quantity: "1", Price: "10",
	}
}

// An order is found by its _id, its key or its hash, in upper or lower case. An error for
// an unknown or ambiguous id says what to write instead.
func TestFindingOrders(t *testing.T) {
	onBothStores(t, func(t *testing.T, store persistence.Store) {
		other := strings.Replace(hash, "0x266", "0x366", 1)
		both := strings.Replace(hash, "0x266", "0x466", 1)
		w := newWorld(t, store, []markets.Event{
			listing(hash + "@" + contract), listing(both + "@" + contract), listing(both + "@" + former), listing("plain"),
			{Kind: markets.Bought, Stream: "buy", Seq: 2, Position: markets.Position{Height: 2}, Time: now, Order: other + "@" + contract, Transaction: "0xef", Quantity: "1"},
		})
		w.read("list", 2)
		w.read("buy", 2)
		w.fold("list", 2, -1)
		market := w.ref.Chain + "/" + w.ref.Market + "/"
		for id, want := range map[string]string{
			market + hash + "@" + contract:            hash + "@" + contract,
			hash + "@" + contract:                     hash + "@" + contract,
			hash:                                      hash + "@" + contract,
			"0X" + strings.ToUpper(hash[2:]):          hash + "@" + contract,
			strings.ToLower(hash + "@" + contract):    hash + "@" + contract,
			market + strings.ToUpper(hash)[2:]:        "",
			market + "0x" + strings.ToUpper(hash[2:]): hash + "@" + contract,
			both + "@" + strings.ToLower(former):      both + "@" + former,
			"plain":                                   "plain",
			other:                                     other + "@" + contract, // only in the log
		} {
			e, err := explain.Order(t.Context(), store, id, nil, now)
			if want == "" != errors.Is(err, explain.ErrUnknown) || want != "" && (err != nil || e.Key != want) {
				t.Errorf("%s: %s, %v, want %s", id, e.Key, err, want)
			}
		}
		handed := w.signed(t, persistence.SignedOrder{Hash: strings.Replace(hash, "0x266", "0x566", 1)})
		for id, want := range map[string]string{
			both:                     market + both + "@" + contract + " or " + market + both + "@" + former,
			hash[:20]:                "did you mean " + market + hash + "@" + contract + "?",
			market + hash[:20]:       "did you mean " + market + hash + "@" + contract + "?",
			w.ref.Chain + "/markt/x": "did you mean " + w.ref.Chain + "/market?",
			"0xEE":                   "it is a transaction; its orders are " + market,
			strings.Replace(hash, "0x266", "0x566", 1): "submitted as a signed order, which the worker has not answered yet",
			handed:                    "submitted as a signed order",
			"0x99":                    `"query orders" prints`,
			"":                        "write its _id",
			strings.Repeat("x", 2000): "at most 1000 characters",
			"a\x00\xff/b":             "",
			"' OR 1=1 --":             "",
		} {
			_, err := explain.Order(t.Context(), store, id, nil, now)
			if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, explain.ErrUnknown) && !errors.Is(err, explain.ErrAmbiguous) {
				t.Errorf("%q: %v, want %q", id, err, want)
			}
		}
	})
}

func TestAnEmptyStore(t *testing.T) {
	onBothStores(t, func(t *testing.T, store persistence.Store) {
		if _, err := explain.Order(t.Context(), store, hash, nil, now); !errors.Is(err, explain.ErrUnknown) {
			t.Error(err)
		}
	})
}

// signed hands an order in, and returns the document's key.
func (w *world) signed(t *testing.T, o persistence.SignedOrder) (id string) {
	t.Helper()
	o.Chain, o.Market, o.Parameters = w.ref.Chain, w.ref.Market, json.RawMessage(`{}`)
	if _, err := w.store.InsertSigned(context.Background(), []persistence.SignedOrder{o}); err != nil {
		t.Fatal(err)
	}
	return o.ContentID()
}

// The explanation of a signed order contains the document with which it was submitted.
func TestSignedOrders(t *testing.T) {
	onBothStores(t, func(t *testing.T, store persistence.Store) {
		key := hash + "@" + contract
		w := newWorld(t, store, nil)
		w.signed(t, persistence.SignedOrder{Hash: hash})
		w.signed(t, persistence.SignedOrder{Hash: hash, Contract: former})
		pending, err := store.PendingSigned(t.Context(), w.ref, 10)
		if err != nil || len(pending) != 2 {
			t.Fatalf("%d pending: %v", len(pending), err)
		}
		i := slices.IndexFunc(pending, func(p persistence.PendingOrder) bool { return !strings.Contains(string(p.Text), former) })
		e := listing(key)
		e.Signed, e.Raw = pending[i].ID, json.RawMessage(`{"large":true}`)
		w.all = []markets.Event{e}
		w.read("list", 1)
		w.fold("list", 1, -1)
		got, err := explain.Order(t.Context(), store, hash, nil, now)
		if err != nil || len(got.Signed) != 1 || got.Signed[0].State != persistence.SignedAccepted || got.Signed[0].Position.Height != 1 || got.Steps[0].Event.Signed != e.Signed || got.Steps[0].Event.Raw != nil {
			t.Errorf("%+v, %v", got, err)
		}
		if want := "the contracts have not been asked yet"; got.Verdict.Answer != markets.Unknown || !slices.Contains(got.Verdict.Because, want) {
			t.Errorf("the verdict is %+v", got.Verdict)
		}
	})
}
