package definition

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

const everyMove = `
  struct m::Inner { x: u64, y: String }
  struct m::E has drop, store { a: u256, b: address, c: u8, d: i64, e: bool, f: vector<u8>, g: String, h: Object<m::T>, i: vector<address>, j: vector<Inner>, k: Option<u64>, l: Inner }`

// drawMove draws an event's data as a node answers it, and its values as expressions see
// them.
func drawMove(t *rapid.T) (data map[string]any, want map[string]any) {
	number := func(name string, bits int) *big.Int {
		return new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, bits/8).Draw(t, name))
	}
	address := func(name string) (short, whole string) {
		n := number(name, 256)
		return fmt.Sprintf("0x%x", n), fmt.Sprintf("0x%064x", n)
	}
	a, c, flag := number("a", 256), rapid.Byte().Draw(t, "c"), rapid.Bool().Draw(t, "e")
	d := rapid.Int64().Draw(t, "d")
	b, wantB := address("b")
	h, wantH := address("h")
	bytes, text := fmt.Sprintf("0x%x", rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "f")), rapid.String().Draw(t, "g")
	inner := func(name string) (written, want map[string]any) {
		x, y := number(name, 64), rapid.String().Draw(t, name)
		return map[string]any{"x": x.String(), "y": y}, map[string]any{"x": x, "y": y}
	}
	list, wantList := []any{}, []any{}
	for range rapid.IntRange(0, 3).Draw(t, "i") {
		short, whole := address("i")
		list, wantList = append(list, short), append(wantList, whole)
	}
	pairs, wantPairs := []any{}, []any{}
	for range rapid.IntRange(0, 3).Draw(t, "j") {
		written, want := inner("j")
		pairs, wantPairs = append(pairs, written), append(wantPairs, want)
	}
	option, wantOption := []any{}, []any{}
	if rapid.Bool().Draw(t, "k") {
		option, wantOption = []any{"7"}, []any{7}
	}
	l, wantL := inner("l")
	return map[string]any{
			"a": a.String(), "b": b, "c": c, "d": fmt.Sprint(d), "e": flag, "f": bytes, "g": text, "h": map[string]any{"inner": h},
			"i": list, "j": pairs, "k": map[string]any{"vec": option}, "l": l,
		}, map[string]any{
			"a": a, "b": wantB, "c": c, "d": d, "e": flag, "f": bytes, "g": text, "h": wantH, "i": wantList, "j": wantPairs, "k": wantOption, "l": wantL,
		}
}

// Whatever values an event of Aptos has, each field is read as it was written.
func TestMoveFieldsAreReadAsWritten(t *testing.T) {
	known := library{}
	structs, err := parseStructs(everyMove)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range structs {
		known.add(s)
	}
	e, err := known.resolve(known["m::E"], 0)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		data, want := drawMove(t)
		text, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		if err := (&moveReader{left: maxList}).fields(e, text, nil, got); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for name := range want {
			if fmt.Sprint(got[name]) != fmt.Sprint(want[name]) {
				t.Fatalf("%s = %v, want %v\n%s", name, got[name], want[name], text)
			}
		}
	})
}

// Any definition on Aptos with any events, as on EVM chains.
func TestAnyMoveDefinitionAndEvents(t *testing.T) {
	decodedAny, failedAny := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		text := "market: any\nkind: aptos\nchains:\n  one: {chainId: 1, account: \"0x5\"}\ntypes: |" + everyMove +
			"\nstreams:\n  s:\n    - handle: m::R/events\n      event: m::E\n" + drawOutcomes(t)
		m, sound := parseAny(t, text)
		if !sound {
			return
		}
		var raws []markets.Raw
		for i := range rapid.IntRange(1, 3).Draw(t, "events") {
			data, _ := drawMove(t)
			raws = append(raws, markets.Raw{
				Position: markets.Position{Height: int64(i)}, Type: rapid.SampledFrom([]string{ownType, ownType, ownType, ownType, ownType, ownType, "0x6::m::E", "nothing", ""}).Draw(t, "type"),
				JSON: spoiltJSON(t, data), Ledger: &markets.AptosTransaction{Version: int64(i), Sender: "0x1"},
			})
		}
		events, failures := decodeAny(t, m.Streams[0], raws, text)
		decodedAny, failedAny = decodedAny+events, failedAny+failures
	})
	if decodedAny == 0 || failedAny == 0 {
		t.Errorf("%d events were ever decoded, %d failed", decodedAny, failedAny)
	}
}

// ownType is the type of the market's events.
var ownType = "0x" + strings.Repeat("0", 63) + "5::m::E"

// spoiltJSON is an event's data with a field taken away, of another form, or cut off; or
// as it is.
func spoiltJSON(t *rapid.T, data map[string]any) json.RawMessage {
	var names []string
	for name := range data {
		names = append(names, name)
	}
	slices.Sort(names)
	name := rapid.SampledFrom(names).Draw(t, "field")
	how := rapid.IntRange(0, 7).Draw(t, "spoilt")
	switch how {
	case 0:
		delete(data, name)
	case 1:
		data[name] = rapid.SampledFrom([]any{nil, "", "x", -1, 1e300, true, []any{}, []any{nil}, map[string]any{}, map[string]any{"vec": 1},
			map[string]any{"inner": nil}, strings.Repeat("9", 400), strings.Repeat("0x", 9)}).Draw(t, "other")
	case 2:
		deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
		data[name] = json.RawMessage(deep)
	}
	text, err := json.Marshal(data)
	if err != nil { // JSON that is too deep to be written
		return json.RawMessage(strings.Repeat("[", 20_000))
	}
	if how == 3 {
		text = text[:rapid.IntRange(0, len(text)-1).Draw(t, "length")]
	}
	return text
}
