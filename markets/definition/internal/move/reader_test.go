package move_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets/definition/internal/drawn"
	"github.com/imart/event-worker/markets/definition/internal/move"
)

// resolved is the event of drawn.Move.
func resolved(t testing.TB) *move.Struct {
	t.Helper()
	known := move.Library{}
	structs, err := move.ParseStructs(drawn.Move)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range structs {
		known.Add(s)
	}
	e, err := known.Resolve(known["m::E"])
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Whatever values an event has, each field is read as it was written.
func TestFieldsAreReadAsWritten(t *testing.T) {
	e := resolved(t)
	used := map[string]bool{}
	for _, f := range e.Fields {
		used[f.Name] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		data, want := drawn.MoveEvent(t)
		text, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		if err := move.Read(e, text, used, got); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for name := range want {
			if fmt.Sprint(got[name]) != fmt.Sprint(want[name]) {
				t.Fatalf("%s = %v, want %v\n%s", name, got[name], want[name], text)
			}
		}
	})
}
