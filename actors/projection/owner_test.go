package projection

import (
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// token is an event that gives the token to an owner.
func given(height int64, id, owner string) markets.Event {
	return markets.Event{
		Kind: markets.Recorded, Stream: "buy", Seq: height, Position: markets.Position{Height: height},
		Record: &markets.RecordChange{Type: markets.TokenRecord, Key: id, Fields: map[string]any{markets.OwnerField: owner}},
	}
}

func offered(height int64, id, maker string) markets.Event {
	return markets.Event{
		Kind: markets.OfferMade, Stream: "offer", Seq: height, Position: markets.Position{Height: height}, Order: "offer-" + id, Maker: maker,
		Token: markets.Token{Collection: "0xC", ID: id, Standard: markets.AptosTokenV1},
	}
}

// The owner of a token at the time of an offer is notified of it.
func TestTheOwnerIsToldOfAnOffer(t *testing.T) {
	named, forAny := offered(25, "a", "carol"), offered(25, "", "carol")
	named.Taker = "dave"
	gone := given(40, "a", "")
	gone.Kind, gone.Record.Fields = markets.RecordRemoved, nil
	for name, c := range map[string]struct {
		offer markets.Event
		want  string
	}{
		"before all":         {offered(5, "a", "carol"), ""},
		"of the first":       {offered(15, "a", "carol"), "alice"},
		"of the second":      {offered(25, "a", "carol"), "bob"},
		"in the same batch":  {offered(36, "a", "carol"), "erin"},
		"of what is gone":    {offered(45, "a", "carol"), ""},
		"by the owner":       {offered(25, "a", "bob"), ""},
		"of another token":   {offered(25, "b", "carol"), "frank"},
		"of an unknown one":  {offered(25, "z", "carol"), ""},
		"to somebody else":   {named, "dave"},
		"for any token":      {forAny, ""},
		"of a former owner":  {offered(25, "a", "alice"), "bob"},
		"at the same height": {offered(20, "a", "carol"), "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			store := openStore(t)
			commit(t, store, given(10, "a", "alice"), given(10, "b", "frank"), given(20, "a", "bob"), gone)
			commit(t, store, c.offer, given(35, "a", "erin"))
			told, err := persistence.Collect[markets.Notification](t.Context(), store, persistence.Query{Collection: persistence.Notifications})
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(told) > 0 || c.want != "" && (len(told) != 1 || told[0].Receiver != c.want || told[0].Message != markets.OfferReceived || told[0].From != c.offer.Maker) {
				t.Errorf("told %+v, want %q", told, c.want)
			}
		})
	}
}

// The notification goes with its offer.
func TestTheNotificationGoesWithItsOffer(t *testing.T) {
	store := openStore(t)
	commit(t, store, given(10, "a", "alice"), offered(15, "a", "carol"))
	if n := count(t, store, persistence.Notifications); n != 1 {
		t.Fatalf("%d notifications", n)
	}
	err := store.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
		_, _, err := tx.Truncate("offer", 12, 10)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, store, persistence.Notifications); n != 0 {
		t.Errorf("%d notifications of an offer that is gone", n)
	}
}

func commit(t *testing.T, store persistence.Store, events ...markets.Event) {
	t.Helper()
	err := store.Commit(t.Context(), market, nil, func(tx persistence.Tx) error {
		_, err := Log{Notifies: true}.Append(tx, market, markets.Batch{Events: events})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
