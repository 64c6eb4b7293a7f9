package seaport

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// Whatever logs have in their topics and data, they become events or failures, each time
// the same; two logs of one transaction, so that matches are decoded too.
func FuzzDecode(f *testing.F) {
	all := streams("ETH")
	for _, b := range recordedBlocks(f)[:6] {
		for i, s := range all {
			raws := b.raws(s)
			for j := 1; j < len(raws); j++ {
				if raws[j].Transaction == raws[j-1].Transaction {
					f.Add(uint8(i), flat(raws[j-1]), raws[j-1].Data, flat(raws[j]), raws[j].Data)
				}
			}
		}
	}
	f.Add(uint8(0), []byte{}, []byte{}, []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, stream uint8, topics1, data1, topics2, data2 []byte) {
		s := all[int(stream)%len(all)]
		raws := []markets.Raw{rawOf(0, topics1, data1), rawOf(1, topics2, data2)}
		events, failures := s.DecodeAll(raws)
		again, failuresAgain := s.DecodeAll(raws)
		if !reflect.DeepEqual(events, again) || len(failures) != len(failuresAgain) {
			t.Fatalf("%v, then %v", events, again)
		}
		for _, failure := range failures {
			if strings.Contains(failure.Reason.Error(), "panicked") {
				t.Fatal(failure.Reason)
			}
		}
		for _, e := range events {
			if e.Order != "" && !strings.HasSuffix(e.Order, "@"+e.Contract) {
				t.Fatalf("the order %s of contract %s", e.Order, e.Contract)
			}
			if e.Parameters != nil && e.Parameters.Counter.Known() {
				hash, err := OrderHash(*e.Parameters)
				if err != nil || Key(e.Contract, hash) != e.Order {
					t.Fatalf("the order %s has parameters of %s, %v", e.Order, hash, err)
				}
			}
		}
	})
}

func flat(raw markets.Raw) []byte {
	var all [][]byte
	for i := range raw.Topics {
		all = append(all, raw.Topics[i][:])
	}
	return slices.Concat(all...)
}

func rawOf(log int32, topics, data []byte) markets.Raw {
	raw := markets.Raw{Position: markets.Position{Height: 1, Log: log}, Block: "0xb10c", Transaction: common.Hash{7}.Hex(), Address: version11, Data: data}
	for len(topics) >= 32 && len(raw.Topics) < 4 {
		raw.Topics, topics = append(raw.Topics, [32]byte(topics)), topics[32:]
	}
	return raw
}
