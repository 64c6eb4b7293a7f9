package solidity_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/drawn"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
)

// Whatever values an event has, each field is read as go-ethereum's encoder wrote it.
func TestFieldsAreReadAsWritten(t *testing.T) {
	events, err := solidity.ParseEvents(drawn.Solidity)
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	used := map[string]bool{}
	for _, p := range events[0].Parameters {
		used[p.Name] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		raw, want := drawn.Log(t)
		r := solidity.NewReader(address.Checksums{}, len(raw.Data))
		for _, f := range events[0].Fields(used) {
			got, err := f.Read(&raw, &r)
			if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want[f.Name]) {
				t.Fatalf("%s = %v, want %v", f.Name, got, want[f.Name])
			}
		}
	})
}

// Offsets that share a tail do not multiply it: a log of 160 kB is not read as 1 GB.
func TestSharedTailsAreBounded(t *testing.T) {
	word := func(n int) []byte { return common.BigToHash(big.NewInt(int64(n))).Bytes() }
	const elements, size = 4000, 32 << 10
	data := append(word(32), word(elements)...)
	for range elements {
		data = append(data, word(32*elements)...)
	}
	data = append(append(data, word(size)...), make([]byte, size)...)
	_, decode, err := solidity.ABI("bytes[]")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decode(data); err == nil || !strings.Contains(err.Error(), "more than 4 times the data") {
		t.Errorf("err = %v", err)
	}
}
