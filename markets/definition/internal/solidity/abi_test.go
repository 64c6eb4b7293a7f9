package solidity_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets/definition/internal/solidity"
)

// offer is (address maker, uint256 price, string note), as go-ethereum packs it.
type offer struct {
	Maker common.Address `json:"maker"`
	Price *big.Int       `json:"price"`
	Note  string         `json:"note"`
}

// What go-ethereum's encoder wrote is what ABI reads: a list of structs, and the values of
// several types. What is cut off is an error, and what is changed no panic.
func TestABI(t *testing.T) {
	components := []abi.ArgumentMarshaling{{Name: "maker", Type: "address"}, {Name: "price", Type: "uint256"}, {Name: "note", Type: "string"}}
	list, err := abi.NewType("tuple[]", "", components)
	if err != nil {
		t.Fatal(err)
	}
	several := abi.Arguments{}
	for _, c := range components {
		t1, err := abi.NewType(c.Type, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		several = append(several, abi.Argument{Type: t1})
	}
	const text = "(address maker, uint256 price, string)"
	rapid.Check(t, func(t *rapid.T) {
		var offers []offer
		want := []any{}
		for range rapid.IntRange(1, 4).Draw(t, "offers") {
			o := offer{common.BytesToAddress(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "maker")), new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "price")), rapid.String().Draw(t, "note")}
			offers = append(offers, o)
			want = append(want, map[string]any{"maker": o.Maker.Hex(), "price": o.Price, "arg2": o.Note})
		}
		data, err := abi.Arguments{{Type: list}}.Pack(offers)
		if err != nil {
			t.Fatal(err)
		}
		one, err := several.Pack(offers[0].Maker, offers[0].Price, offers[0].Note)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode(t, data, text+"[]"); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v, %v, want %v", got, err, want)
		}
		if got, err := decode(t, one, text); err != nil || fmt.Sprint(got) != fmt.Sprint(want[0]) {
			t.Fatalf("%v, %v, want %v", got, err, want[0])
		}
		if got, err := decode(t, data[:rapid.IntRange(0, len(data)-33).Draw(t, "size")], text+"[]"); err == nil {
			t.Fatalf("%v was read from a part", got)
		}
		data[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= rapid.Byte().Draw(t, "change")
		_, _ = decode(t, data, text+"[]")
	})
}

func decode(t *rapid.T, data []byte, text string) (any, error) {
	_, run, err := solidity.ABI(text)
	if err != nil {
		t.Fatal(err)
	}
	return run(data)
}

// Types that nothing can be of are refused, and data that would be more values than there
// may be.
func TestABIRefuses(t *testing.T) {
	for _, text := range []string{
		"", "(", "addres", "uint257", "(address a, uint256 a)", "uint256 x", "uint256 indexed", "uint256, uint256", "event X()", "uint256[", "uint256[-1]", "()",
		strings.Repeat("(", 500) + "uint256" + strings.Repeat(")", 500), "uint256[99999999999][99999999999]",
	} {
		if _, _, err := solidity.ABI(text); err == nil {
			t.Errorf("%.40q is a type", text)
		}
	}
	_, run, err := solidity.ABI("uint256[][]")
	if err != nil {
		t.Fatal(err)
	}
	word := func(n int64) []byte { return common.BigToHash(big.NewInt(n)).Bytes() }
	data := append(word(32), word(4000)...)
	for range 4000 { // each list is the same, long one
		data = append(data, word(4000*32)...)
	}
	data = append(data, word(4000)...)
	data = append(data, make([]byte, 4000*32)...)
	if _, err := run(data); err == nil || !strings.Contains(err.Error(), "4096 values") {
		t.Errorf("16 million values: %v", err)
	}
}

// Types that are nested too deeply are refused, however they are declared.
func TestDeepTypesAreRefused(t *testing.T) {
	arrays := "uint256" + strings.Repeat("[]", 300_000)
	if _, err := solidity.ParseEvents("event E(" + arrays + " a)"); err == nil || err.Error() != "event E: arrays are nested more than 8 deep" {
		t.Errorf("arrays of an event: %.200v", err)
	}
	if _, _, err := solidity.ABI("(" + arrays + ")"); err == nil || !strings.Contains(err.Error(), "arrays are nested more than 8 deep") {
		t.Errorf("arrays in bytes: %.200v", err)
	}
	tuples := strings.Repeat(`{"name": "a", "type": "tuple", "components": [`, 4000) + strings.Repeat("]}", 4000)
	for input, want := range map[string]string{
		`{"name": "a", "type": "` + arrays + `"}`: "event E: parameter 1: arrays are nested more than 8 deep",
		tuples: "event E: parameter 1: tuples are nested more than 8 deep",
	} {
		if _, err := solidity.ParseABI([]byte(`[{"type": "event", "name": "E", "inputs": [` + input + `]}]`)); err == nil || err.Error() != want {
			t.Errorf("%.40s: %.200v, want %s", input, err, want)
		}
	}
	deepest := "uint256" + strings.Repeat("[]", 8)
	if _, err := solidity.ParseEvents("event E(" + strings.Repeat("(", 7) + deepest + strings.Repeat(" a)", 7) + " b)"); err != nil {
		t.Error(err)
	}
}

// Structs that have several fields of the next one are refused before they have grown
// exponentially.
func TestStructsThatGrowAreRefused(t *testing.T) {
	var source strings.Builder
	for i := range 6 {
		fmt.Fprintf(&source, "struct S%d { %s }\n", i, strings.Repeat(fmt.Sprintf("S%d a; ", i+1), 30))
	}
	source.WriteString("struct S6 { uint256 a; }\nevent E(S0 a);")
	events, unread := solidity.FindEvents(source.String())
	if len(events) != 0 || len(unread) != 1 || !strings.Contains(unread[0], "more than 16384 parameters") {
		t.Errorf("%d events, %.300q", len(events), unread)
	}
}
