// Package drawn draws events with fields of every type, for tests: logs of an EVM contract
// and events of a Move module, each with its values as expressions see them.
package drawn

import (
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
)

// Solidity declares an event with fields of every type.
const Solidity = "event E(uint256 indexed a, address indexed b, uint8 c, int128 d, bool e, bytes32 f, string g, bytes h, address[] i, (uint256 x, string y)[] j, uint16[3] k, bytes4 l)"

// pair is the tuple of j, as go-ethereum packs it.
type pair = struct {
	X *big.Int `json:"x"`
	Y string   `json:"y"`
}

// Log draws a log of Solidity, packed by go-ethereum, and its values as expressions see them.
func Log(t *rapid.T) (markets.Raw, map[string]any) {
	events, err := solidity.ParseEvents(Solidity)
	if err != nil {
		t.Fatal(err)
	}
	e := events[0]
	number := func(name string, bits int) *big.Int {
		return new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, bits/8).Draw(t, name))
	}
	address := func(name string) (a common.Address) {
		copy(a[:], rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, name))
		return a
	}
	a, b, c, flag := number("a", 256), address("b"), rapid.Byte().Draw(t, "c"), rapid.Bool().Draw(t, "e")
	d := new(big.Int).Sub(number("d", 120), number("below", 120))
	text, bytes := rapid.String().Draw(t, "g"), rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "h")
	var f [32]byte
	copy(f[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "f"))
	var list []common.Address
	var wantList []any
	for range rapid.IntRange(0, 3).Draw(t, "i") {
		list = append(list, address("i"))
		wantList = append(wantList, list[len(list)-1].Hex())
	}
	var pairs []pair
	var wantPairs []any
	for range rapid.IntRange(0, 3).Draw(t, "j") {
		p := pair{number("x", 256), rapid.String().Draw(t, "y")}
		pairs = append(pairs, p)
		wantPairs = append(wantPairs, map[string]any{"x": p.X, "y": p.Y})
	}
	three, four := [3]uint16{1, uint16(c), 3}, [4]byte{c, 1}
	data, err := e.Inputs.NonIndexed().Pack(c, d, flag, f, text, bytes, list, pairs, three, four)
	if err != nil {
		t.Fatal(err)
	}
	raw := markets.Raw{Topics: [][32]byte{e.ID, common.BigToHash(a), common.BytesToHash(b[:])}, Data: data}
	return raw, map[string]any{
		"a": a, "b": b.Hex(), "c": c, "d": d, "e": flag, "f": common.Hash(f).Hex(), "g": text, "h": fmt.Sprintf("0x%x", bytes),
		"i": append([]any{}, wantList...), "j": append([]any{}, wantPairs...), "k": []any{1, c, 3}, "l": fmt.Sprintf("0x%x", four),
	}
}
