package explain_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence/embedded"
)

// Whatever an id is: it is refused with a reason that can be shown, or its text is part of
// the _id of the order that it names, which names the same order.
func FuzzOrder(f *testing.F) {
	store, err := embedded.Open(f.Context(), f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = store.Close() })
	keys := []string{hash + "@" + contract, strings.Replace(hash, "0x266", "0x466", 1) + "@" + contract, strings.Replace(hash, "0x266", "0x466", 1) + "@" + former, "plain", "a/b c"}
	var events []markets.Event
	for _, key := range keys {
		events = append(events, listing(key))
	}
	w := newWorld(f, store, events)
	w.read("list", 1)
	w.fold("list", 1, -1)
	for _, id := range append(keys, hash, strings.ToUpper(hash), hash[:20], "0xEE", w.ref.Chain+"/market/plain", w.ref.Chain+"/markt/plain", "a\x00\xff/b", "' OR 1=1 --", "@", "//") {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		e, err := explain.Order(t.Context(), store, id, nil, now)
		if err != nil {
			if !errors.Is(err, explain.ErrUnknown) && !errors.Is(err, explain.ErrAmbiguous) {
				t.Fatal(err)
			}
			if text := err.Error(); len(text) > 20_000 || !utf8.ValidString(text) || strings.ContainsAny(text, "\n\r\x00\x1b") {
				t.Fatalf("%.300q", text)
			}
			return
		}
		if !strings.Contains(strings.ToLower(e.ID), strings.ToLower(id)) {
			t.Fatalf("%q names %s", id, e.ID)
		}
		if again, err := explain.Order(t.Context(), store, e.ID, nil, now); err != nil || again.ID != e.ID {
			t.Fatalf("%s names %s, %v", e.ID, again.ID, err)
		}
	})
}
