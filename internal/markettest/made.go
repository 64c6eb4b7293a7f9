package markettest

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/markets"
)

// Log is a contract's log of an event, as go-ethereum's encoder makes it. The declaration
// is Solidity's; tuples are in parentheses, as in signatures. The values are Go's for them; an
// int stands for any integer, a List for a tuple, an array or a list.
func Log(t testing.TB, contract common.Address, declaration string, values ...any) markets.Raw {
	t.Helper()
	name, list, _ := strings.Cut(strings.TrimPrefix(declaration, "event "), "(")
	inputs := parameters(t, "("+list)
	if len(inputs) != len(values) {
		t.Fatalf("%s: %d values", declaration, len(values))
	}
	e := abi.NewEvent(name, name, false, inputs)
	raw := markets.Raw{Address: contract, Topics: [][32]byte{e.ID}}
	var plain []any
	for i, input := range inputs {
		value := fitting(input.Type, values[i])
		if !input.Indexed {
			plain = append(plain, value)
			continue
		}
		word, err := (abi.Arguments{{Type: input.Type}}).Pack(value)
		if err != nil {
			t.Fatalf("%s: parameter %d: %v", declaration, i, err)
		}
		raw.Topics = append(raw.Topics, topic(input.Type, word))
	}
	var err error
	if raw.Data, err = inputs.NonIndexed().Pack(plain...); err != nil {
		t.Fatalf("%s: %v", declaration, err)
	}
	return raw
}

// Encode is the ABI encoding of values of the types in parentheses, such as
// "(address,uint256)[]" or "address,(uint8,bytes)".
func Encode(t testing.TB, types string, values ...any) []byte {
	t.Helper()
	inputs := parameters(t, "("+types+")")
	for i, input := range inputs {
		values[i] = fitting(input.Type, values[i])
	}
	packed, err := inputs.Pack(values...)
	if err != nil {
		t.Fatalf("%s: %v", types, err)
	}
	return packed
}

// parameters reads a list of parameters in parentheses.
func parameters(t testing.TB, list string) (inputs abi.Arguments) {
	t.Helper()
	for _, m := range members(strings.TrimSuffix(strings.TrimPrefix(list, "("), ")")) {
		kind, err := abi.NewType(m.Type, "", m.Components)
		if err != nil {
			t.Fatalf("%s: %v", list, err)
		}
		inputs = append(inputs, abi.Argument{Type: kind, Indexed: m.Indexed})
	}
	return inputs
}

// members reads the parameters of an event or the members of a tuple.
func members(list string) (out []abi.ArgumentMarshaling) {
	for i, member := range split(list) {
		m := abi.ArgumentMarshaling{Name: fmt.Sprintf("M%d", i)} // the encoder needs some name
		end := strings.LastIndex(member, ")")
		words := append(strings.Fields(member[end+1:]), "")
		if m.Type = words[0]; end >= 0 {
			m.Type, m.Components = "tuple", members(member[1:end])
			if strings.HasPrefix(member[end+1:], "[") {
				m.Type += words[0]
			}
		}
		m.Indexed = len(words) > 1 && words[1] == "indexed"
		out = append(out, m)
	}
	return out
}

// split splits a list at its commas that are not within parentheses.
func split(list string) (parts []string) {
	depth, start := 0, 0
	for i, r := range list + "," {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			if part := strings.TrimSpace(list[start:i]); part != "" {
				parts = append(parts, part)
			}
			start = i + 1
		}
	}
	return parts
}

// topic is an indexed value: its word, or the hash of its bytes.
func topic(kind abi.Type, packed []byte) common.Hash {
	if kind.T == abi.StringTy || kind.T == abi.BytesTy {
		size := new(big.Int).SetBytes(packed[32:64]).Int64()
		return crypto.Keccak256Hash(packed[64 : 64+size])
	}
	return common.BytesToHash(packed)
}

// List stands for a tuple, an array or a list.
type List []any

// fitting is a value as the encoder wants it for a type.
func fitting(kind abi.Type, value any) any {
	switch value := value.(type) {
	case int:
		if want := kind.GetType(); want.Kind() != reflect.Pointer {
			return reflect.ValueOf(value).Convert(want).Interface()
		}
		return big.NewInt(int64(value))
	case List:
		out := reflect.New(kind.GetType()).Elem()
		if kind.T == abi.SliceTy {
			out = reflect.MakeSlice(kind.GetType(), len(value), len(value))
		}
		for i, element := range value {
			if kind.T == abi.TupleTy {
				out.Field(i).Set(reflect.ValueOf(fitting(*kind.TupleElems[i], element)))
			} else {
				out.Index(i).Set(reflect.ValueOf(fitting(*kind.Elem, element)))
			}
		}
		return out.Interface()
	default:
		return value
	}
}

// Transaction puts logs into one transaction of a block, each among all of its others.
func Transaction(height int64, logs ...markets.Raw) []markets.Raw {
	var around []markets.Log
	for i, log := range logs {
		around = append(around, markets.Log{Index: int32(i), Address: log.Address, Topics: log.Topics, Data: log.Data})
	}
	hash := common.BigToHash(big.NewInt(height)).Hex()
	for i := range logs {
		logs[i].Position = markets.Position{Height: height, Log: int32(i)}
		logs[i].Transaction, logs[i].ReceiptLogs = hash, around
	}
	return logs
}
