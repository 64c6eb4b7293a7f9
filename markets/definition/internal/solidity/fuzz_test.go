package solidity_test

import (
	"fmt"
	"math/big"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/drawn"
	"github.com/imart/event-worker/markets/definition/internal/expression"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
)

// maxCompared bounds the data of FuzzRead: go-ethereum's decoder does not bound the memory
// that nested offsets take.
const maxCompared = 2 << 10

// A log's fields are read as go-ethereum's decoder reads them, or refused.
func FuzzRead(f *testing.F) {
	events, err := solidity.ParseEvents(drawn.Solidity)
	if err != nil {
		f.Fatal(err)
	}
	e, used := events[0], map[string]bool{}
	for _, p := range e.Parameters {
		used[p.Name] = true
	}
	data := rapid.Custom(func(t *rapid.T) []byte {
		raw, _ := drawn.Log(t)
		return raw.Data
	})
	for seed := range 4 {
		f.Add(data.Example(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxCompared {
			return
		}
		raw := markets.Raw{Topics: [][32]byte{e.ID, {31: 1}, {31: 2}}, Data: data}
		r := solidity.NewReader(address.Checksums{}, len(data))
		got := map[string]any{}
		for _, field := range e.Fields(used) {
			value, err := field.Read(&raw, &r)
			if err != nil {
				return
			}
			got[field.Name] = value
		}
		want := map[string]any{}
		if err := e.Inputs.NonIndexed().UnpackIntoMap(want, data); err != nil {
			t.Fatalf("%v is read, but go-ethereum says %v", got, err)
		}
		for name, value := range want {
			if form := formOf(reflect.ValueOf(value)); fmt.Sprint(got[name]) != fmt.Sprint(form) {
				t.Fatalf("%s = %v, want %v", name, got[name], form)
			}
		}
	})
}

// formOf is a value of go-ethereum's decoder in the form of expressions.
func formOf(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case common.Address:
		return value.Hex()
	case *big.Int, bool:
		return value
	case string:
		if utf8.ValidString(value) {
			return value
		}
		return fmt.Sprintf("0x%x", value)
	}
	switch {
	case v.Kind() == reflect.Struct:
		fields := map[string]any{}
		for i := range v.NumField() {
			fields[v.Type().Field(i).Tag.Get("json")] = formOf(v.Field(i))
		}
		return fields
	case v.Kind() != reflect.Slice && v.Kind() != reflect.Array:
		return v.Interface()
	case v.Type().Elem().Kind() == reflect.Uint8:
		return fmt.Sprintf("0x%x", v.Interface())
	}
	list := []any{}
	for i := range v.Len() {
		list = append(list, formOf(v.Index(i)))
	}
	return list
}

// A declaration is refused, or describes events whose own declarations describe the same.
func FuzzParseEvents(f *testing.F) {
	f.Add(drawn.Solidity)
	f.Add("event Buy(address indexed buyer, uint256 id, (address token, uint amount)[] items); event Void()")
	f.Add("E(uint[3][] a, bytes32 indexed, function(uint) external g) anonymous;")
	f.Fuzz(func(t *testing.T, text string) {
		events, err := solidity.ParseEvents(text)
		if err != nil {
			return
		}
		for _, e := range events {
			checkDeclared(t, e)
		}
	})
}

func checkDeclared(t *testing.T, e *solidity.Event) {
	t.Helper()
	again, err := solidity.ParseEvents(e.Declaration())
	if err != nil || len(again) != 1 || again[0].ID != e.ID || again[0].Signature() != e.Signature() || again[0].Declaration() != e.Declaration() {
		t.Fatalf("%s is read as %v, %v", e.Declaration(), again, err)
	}
	for _, p := range e.Parameters {
		_ = solidity.TypeOf(p)
	}
}

// A JSON ABI likewise.
func FuzzParseABI(f *testing.F) {
	f.Add([]byte(`[{"type":"event","name":"Buy","inputs":[{"name":"items","type":"tuple[]","components":[{"name":"id","type":"uint256"}]}]}]`))
	f.Add([]byte(`{"abi":[{"type":"event","name":"E","anonymous":true,"inputs":[]},{"type":"event","name":"E","inputs":[{"type":"bytes","indexed":true}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		events, err := solidity.ParseABI(text)
		if err != nil {
			return
		}
		for _, e := range events {
			_ = e.Signature()
			_ = e.Types()
		}
	})
}

// Of a source file, each event that is found can be declared.
func FuzzFindEvents(f *testing.F) {
	f.Add("contract C { struct S { uint a; L.T b; } enum E { A } type V is uint8; event X(S s, E indexed e, V[2] v, C c); /* event Y(); */ }")
	f.Fuzz(func(t *testing.T, source string) {
		events, unread := solidity.FindEvents(source)
		for _, e := range events {
			checkDeclared(t, e)
		}
		for _, text := range unread {
			if len(text) > 2000 {
				t.Fatalf("%d bytes about one declaration", len(text))
			}
		}
	})
}

// Data is decoded as the type says or refused, in memory bounded by its size.
func FuzzABI(f *testing.F) {
	f.Add("(address maker, uint256[] prices)", make([]byte, 128))
	f.Add("bytes[][]", make([]byte, 64))
	f.Add("(int8, string)[2][]", make([]byte, 96))
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		_, decode, err := solidity.ABI(text)
		if err != nil {
			return
		}
		value, err := decode(data)
		if err != nil {
			return
		}
		if size := len(fmt.Sprint(value)); size > 8*len(data)+expression.MaxValues*(100+len(text)) {
			t.Fatalf("%d bytes are %d in values", len(data), size)
		}
	})
}
