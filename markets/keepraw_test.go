package markets

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// twice makes two events of each raw event.
func twice(transaction []Raw) (events []Event, _ []Failure) {
	for _, raw := range transaction {
		for sub := range int32(2) {
			e := Event{Kind: Bought, Position: raw.Position}
			e.Position.Sub = sub
			events = append(events, e)
		}
	}
	return events, nil
}

// Activities of a stream that keeps raw events have them whole; those of others do not.
func TestKeepRaw(t *testing.T) {
	raws := []Raw{
		{Position: Position{Height: 7, Log: 1}, Seq: 7, Block: "0xb", Transaction: "0x1", Time: time.Unix(9, 0).UTC(), Address: [20]byte{1}, Topics: [][32]byte{{2}}, Data: []byte{3},
			ReceiptLogs: []Log{{Index: 4, Topics: [][32]byte{{5}}, Data: []byte{6}}}},
		{Position: Position{Height: 7, Log: 3}, Seq: 7, Block: "0xb", Transaction: "0x1", Time: time.Unix(9, 0).UTC(), Address: [20]byte{8}, Topics: [][32]byte{{9}}, Data: []byte{}},
	}
	for _, keep := range []bool{true, false} {
		events, _ := Stream{Decode: twice, KeepRaw: keep}.DecodeAll(raws)
		for i, e := range events {
			var got Raw
			if keep {
				if err := json.Unmarshal(e.Raw, &got); err != nil {
					t.Fatal(err)
				}
			}
			if want := raws[i/2]; keep && !reflect.DeepEqual(got, want) || !keep && e.Raw != nil {
				t.Errorf("keep %v: event %d has %s, want that of %+v", keep, i, e.Raw, want)
			}
		}
	}
}

// What is kept of one transaction is bounded, however large its events and their
// surroundings are, and says that it is not whole.
func TestKeptRawIsBounded(t *testing.T) {
	around := []Log{{Topics: [][32]byte{{1}}, Data: make([]byte, 3<<20)}}
	var raws []Raw
	for i := range 40 {
		raws = append(raws, Raw{Position: Position{Log: int32(i)}, Topics: [][32]byte{{2}}, Data: make([]byte, 1<<20), ReceiptLogs: around})
	}
	events, _ := Stream{Decode: twice, KeepRaw: true}.DecodeAll(raws)
	total := 0
	for i, e := range events {
		total += len(e.Raw)
		if i%2 == 1 {
			continue
		}
		var got Raw
		if err := json.Unmarshal(e.Raw, &got); err != nil || got.Left == 0 || len(got.Data) == 0 || got.Position != raws[i/2].Position {
			t.Errorf("event %d has %d bytes, left %d, %v", i, len(e.Raw), got.Left, err)
		}
	}
	if total > maxKeptPerTransaction {
		t.Errorf("%d bytes of one transaction are kept", total)
	}
}
