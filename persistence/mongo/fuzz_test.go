package mongo

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/persistence"
)

// Whatever a change stream answers: its event is refused, or is a change after which a
// reader can continue.
func FuzzEvent(f *testing.F) {
	const at = "82663BD3E2000000012B0429296E1404"
	for collection, doc := range map[string]any{
		persistence.Orders: bson.D{is("_id", "e/s/1"), is("price", "7")}, persistence.Leases: bson.D{is("_id", "e"), is("epoch", int64(7))}, "meta": bson.D{}, persistence.Nodes: nil,
	} {
		for _, operation := range []string{"insert", "delete", "drop"} {
			event, err := bson.Marshal(bson.D{is("_id", bson.D{is("_data", at)}), is("operationType", operation), is("ns", bson.D{is("coll", collection)}),
				is("documentKey", bson.D{is("_id", "e")}), is("fullDocument", doc)})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(event)
		}
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		c, err := changeIn(event)
		if err != nil {
			return
		}
		if !isFeedPosition(c.Position) || len(c.Position) > maxFeedPosition || strings.ContainsFunc(c.Position, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("position %q", c.Position)
		}
		if secondsOf(c.Position) < 0 || c.Document != nil && !json.Valid(c.Document) {
			t.Fatalf("%+v", c)
		}
	})
}

// Whatever a reader takes for a position: it is refused before the server sees it, or is a
// resume token.
func FuzzPosition(f *testing.F) {
	for _, text := range []string{"82663BD3E2000000012B0429296E1404", "82", "", "82663bd3e2000000012b", "82663BD3E2000000012B0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !isFeedPosition(text) {
			if err := (&feed{at: text}).check(t.Context()); !errors.Is(err, persistence.ErrPositionInvalid) { // without a server
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		token, err := bson.Marshal(bson.D{is("_data", text)})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := feedPosition(token); err != nil || again != text || secondsOf(text) < 0 {
			t.Fatalf("%q is read as %q, %v", text, again, err)
		}
	})
}
