package move_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets/definition/internal/drawn"
	"github.com/imart/event-worker/markets/definition/internal/move"
)

// Whatever an event's data are, they are refused or have a value of each field, and the
// same values when they are written again.
func FuzzRead(f *testing.F) {
	data := rapid.Custom(func(t *rapid.T) any {
		event, _ := drawn.MoveEvent(t)
		return event
	})
	for seed := range 4 {
		text, err := json.Marshal(data.Example(seed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	e := resolved(f)
	used := map[string]bool{}
	for _, field := range e.Fields {
		used[field.Name] = true
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := map[string]any{}
		if move.Read(e, text, used, got) != nil {
			return
		}
		if len(got) != len(e.Fields) {
			t.Fatalf("%d values of %d fields", len(got), len(e.Fields))
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		written, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		again := map[string]any{}
		if move.Read(e, written, used, again) == nil && !reflect.DeepEqual(again, got) {
			t.Fatalf("%v, but written again %v", got, again)
		}
	})
}

// Structs are refused, or declared by their own declarations; each resolves or does not.
func FuzzParseStructs(f *testing.F) {
	f.Add(drawn.Move)
	f.Add(move.Framework)
	f.Add("public struct 0x1::m::S<phantom T: store> has drop { a: vector<Option<0x1::m::S>>, b: m::R } struct m::R { s: S }")
	f.Fuzz(func(t *testing.T, text string) {
		structs, err := move.ParseStructs(text)
		if err != nil {
			return
		}
		known := move.Library{}
		for _, s := range structs {
			known.Add(s)
			again, err := move.ParseStructs(s.Declaration())
			if err != nil || len(again) != 1 || !reflect.DeepEqual(again[0], s) {
				t.Fatalf("%s is read as %v, %v", s.Declaration(), again, err)
			}
		}
		for _, s := range structs {
			if r, err := known.Resolve(s); err == nil {
				_, _ = r.Types(), r.Layout(nil)
			}
		}
	})
}

// Modules are refused, or have structs that each resolve or do not.
func FuzzParseModules(f *testing.F) {
	f.Add([]byte(`{"abi":{"address":"0x1","name":"m","structs":[{"name":"E","is_event":true,"fields":[{"name":"id","type":"u64"}]}]}}`))
	f.Add([]byte(`[{"name":"m","structs":[{"name":"S","fields":[{"name":"s","type":"vector<0x1::m::S>"}]}]}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		modules, err := move.ParseModules(text)
		if err != nil {
			return
		}
		known := move.Library{}
		for _, m := range modules {
			for _, s := range m.Structs {
				known.Add(s)
			}
		}
		for _, s := range known {
			if r, err := known.Resolve(s); err == nil {
				_, _ = r.Types(), r.Layout(nil)
			}
		}
	})
}
