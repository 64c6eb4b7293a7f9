package matching_test

import (
	"encoding/json"
	"testing"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/matching"
)

// Examples. The suite of the stores compares Value with their queries for random conditions.
func TestDocument(t *testing.T) {
	const doc = `{"_id":"e/s/a","chain":"e","price":"10","anomalies":9007199254740993,"listedAt":"2024-01-01T00:00:00Z",` +
		`"token":{"collection":"0xC"},"bundle":[{"quantity":"2"},{"quantity":"30"}]}`
	for filter, want := range map[string]bool{
		``:                                          true,
		`{chain: "e"}`:                              true,
		`{chain: {$ne: "e"}}`:                       false,
		`{price: {$gt: "9"}}`:                       true, // as numbers
		`{anomalies: 9007199254740992}`:             false,
		`{anomalies: {$gt: 9007199254740992}}`:      true,
		`{anomalies: {$gt: 0.5}}`:                   true,
		`{"token.collection": "0xC"}`:               true,
		`{"bundle.quantity": {$gt: "29"}}`:          true,
		`{"bundle.quantity": "3"}`:                  false,
		`{maker: null}`:                             true,
		`{maker: {$exists: true}}`:                  false,
		`{listedAt: {$lt: "2024-01-02T00:00:00Z"}}`: true,
		`{$or: [{maker: "x"}, {price: "10"}]}`:      true,
		`{$nor: [{maker: "x"}, {price: "10"}]}`:     false,
	} {
		f, err := documents.ParseFilter(persistence.Orders, filter)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := matching.Document(f, json.RawMessage(doc)); err != nil || got != want {
			t.Errorf("%s: %v, %v", filter, got, err)
		}
	}
	f, err := documents.ParseFilter(persistence.Orders, `{chain: "e"}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := matching.Document(f, json.RawMessage(`{`)); err == nil {
		t.Error("no error for a truncated document")
	}
}
