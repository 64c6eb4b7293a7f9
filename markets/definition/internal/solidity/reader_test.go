package solidity_test

import (
	"fmt"
	"testing"

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
		r := solidity.NewReader(address.Checksums{})
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
