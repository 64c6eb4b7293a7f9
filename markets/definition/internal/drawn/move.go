package drawn

import (
	"fmt"
	"math/big"

	"pgregory.net/rapid"
)

// Move declares structs, m::E with fields of every type.
const Move = `
  struct m::Inner { x: u64, y: String }
  struct m::E has drop, store { a: u256, b: address, c: u8, d: i64, e: bool, f: vector<u8>, g: String, h: Object<m::T>, i: vector<address>, j: vector<Inner>, k: Option<u64>, l: Inner }`

// MoveEvent draws the data of an event m::E of Move, as a node answers it, and its values
// as expressions see them.
func MoveEvent(t *rapid.T) (data map[string]any, want map[string]any) {
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
