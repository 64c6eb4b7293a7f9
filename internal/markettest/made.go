package markettest

import (
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/markets"
)

// Log is a contract's log of an event, as go-ethereum's encoder makes it. The
// declaration is Solidity's, with parameters of plain types and lists of them. The
// values are Go's for them; an int stands for any integer.
func Log(t testing.TB, contract common.Address, declaration string, values ...any) markets.Raw {
	t.Helper()
	name, parameters, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(declaration, "event "), ")"), "(")
	var inputs abi.Arguments
	for parameter := range strings.SplitSeq(parameters, ",") {
		words := strings.Fields(parameter)
		kind, err := abi.NewType(words[0], "", nil)
		if err != nil {
			t.Fatalf("%s: %v", declaration, err)
		}
		inputs = append(inputs, abi.Argument{Type: kind, Indexed: len(words) > 1 && words[1] == "indexed"})
	}
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

// topic is an indexed value: its word, or the hash of its bytes.
func topic(kind abi.Type, packed []byte) common.Hash {
	if kind.T == abi.StringTy || kind.T == abi.BytesTy {
		size := new(big.Int).SetBytes(packed[32:64]).Int64()
		return crypto.Keccak256Hash(packed[64 : 64+size])
	}
	return common.BytesToHash(packed)
}

// fitting is a value, or an int as the type wants its integers.
func fitting(kind abi.Type, value any) any {
	n, ok := value.(int)
	if !ok {
		return value
	}
	if want := kind.GetType(); want.Kind() != reflect.Pointer {
		return reflect.ValueOf(n).Convert(want).Interface()
	}
	return big.NewInt(int64(n))
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
