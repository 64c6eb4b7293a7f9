package eth

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

func logOf(transaction, log int32, content byte) markets.Raw {
	return markets.Raw{Position: markets.Position{Height: 1, Transaction: transaction, Log: log}, Seq: 1, Block: "b", Transaction: fmt.Sprint("t", transaction), Data: []byte{content}}
}

// Of logs with one index, those of the same content are one, and the others get indexes of
// their own.
func TestLogsOfOneIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var raws []markets.Raw
		for range rapid.IntRange(0, 12).Draw(t, "logs") {
			raws = append(raws, logOf(rapid.Int32Range(0, 2).Draw(t, "transaction"), rapid.Int32Range(0, 3).Draw(t, "log"), rapid.ByteRange(0, 2).Draw(t, "content")))
		}
		var want []markets.Raw
		sorted := slices.Clone(raws)
		slices.SortStableFunc(sorted, comparePositions)
		for _, raw := range sorted {
			if n := len(want); n > 0 && !raw.Position.After(want[n-1].Position) {
				if slices.ContainsFunc(want, func(k markets.Raw) bool {
					return k.Transaction == raw.Transaction && k.Position.Log >= raw.Position.Log && identical(&k, &raw)
				}) {
					continue
				}
				raw.Position.Log = want[n-1].Position.Log + 1
			}
			want = append(want, raw)
		}
		got, err := VerifyLogs(raws, Filter{}, 0, 9)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v, want %v, %v", got, want, err)
		}
	})
}

// All logs of a large answer may have one index: to compare each with all before it would
// take minutes.
func TestManyLogsOfOneIndex(t *testing.T) {
	const count = 150_000 // in 64 MiB
	raws := make([]markets.Raw, count)
	for i := range raws {
		raws[i] = logOf(0, 7, 0)
		raws[i].Data = binary.BigEndian.AppendUint32(nil, uint32(i/2))
	}
	got, err := VerifyLogs(raws, Filter{}, 0, 9)
	if err != nil || len(got) != count/2 || got[len(got)-1].Position.Log != 7+count/2-1 {
		t.Fatalf("%d logs, %v", len(got), err)
	}
}
