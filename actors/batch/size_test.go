package batch_test

import (
	"strings"
	"testing"

	"github.com/imart/event-worker/actors/batch"
	"github.com/imart/event-worker/markets"
)

// Whichever part of an event is large, the batch is.
func TestSizeOfLargeEvents(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	for part, event := range map[string]markets.Event{
		"name":       {Token: markets.Token{Name: large}},
		"parameters": {Terms: markets.Terms{Parameters: &markets.Parameters{Offer: []markets.OfferedItem{{Token: large}}}}},
		"signature":  {Terms: markets.Terms{Signature: large}},
		"record":     {Record: &markets.RecordChange{Fields: map[string]any{"list": []any{large}}}},
		"raw event":  {Raw: []byte(large)},
	} {
		b := markets.Batch{Events: []markets.Event{event}}
		if size := batch.SizeOf(&b); size < 1<<20 || size > 1<<20+10_000 {
			t.Errorf("with a large %s it has %d bytes", part, size)
		}
	}
}
