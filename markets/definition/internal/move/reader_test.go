package move_test

import (
	"encoding/json"
	"fmt"
	"strings"
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

// Structs that have several fields of the next one are refused before they have grown
// exponentially, and so are types that are nested too deeply.
func TestTypesThatGrowAreRefused(t *testing.T) {
	known := move.Library{}
	var text strings.Builder
	for i := range 6 {
		fmt.Fprintf(&text, "struct m::S%d { ", i)
		for j := range 30 {
			fmt.Fprintf(&text, "a%d: m::S%d, ", j, i+1)
		}
		text.WriteString("}\n")
	}
	text.WriteString("struct m::S6 { a: u64 }\nstruct m::V { a: " + strings.Repeat("vector<", 100_000) + "u8" + strings.Repeat(">", 100_000) + " }\n")
	structs, err := move.ParseStructs(text.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range structs {
		known.Add(s)
	}
	for name, want := range map[string]string{"m::S0": "more than 4096 values", "m::V": "nested more than 8 deep"} {
		if _, err := known.Resolve(known[name]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %.200v, want %s", name, err, want)
		}
	}
}
