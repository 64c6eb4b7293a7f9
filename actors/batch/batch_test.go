package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
)

// logOf returns a raw event with bytesOfData bytes of data.
func logOf(tx string, index int32, bytesOfData int) markets.Raw {
	return markets.Raw{
		Position: markets.Position{Height: 7, Log: index}, Seq: 7, Block: "b", Transaction: tx,
		Topics: [][32]byte{{1}}, Data: bytes.Repeat([]byte{0xff}, bytesOfData),
	}
}

// pickyStream decodes nothing whose data begins with 0xff.
func pickyStream() markets.Stream {
	decode := func(transaction []markets.Raw) (events []markets.Event, failures []markets.Failure) {
		for _, raw := range transaction {
			if len(raw.Data) > 0 && raw.Data[0] == 0xff {
				failures = append(failures, markets.Failure{Raw: raw, Reason: errors.New("not mine")})
			} else {
				events = append(events, markets.Event{Kind: markets.Listed, Position: raw.Position})
			}
		}
		return events, failures
	}
	return markets.Stream{Name: "list", Decode: decode}
}

func wholeOf(t *testing.T, letter markets.DeadLetter) []markets.Raw {
	t.Helper()
	var raws []markets.Raw
	if err := json.Unmarshal(letter.Raw, &raws); err != nil {
		t.Fatal(err)
	}
	return raws
}

// An event with more data than a document takes is a dead letter, with as much of it
// as there is room for. It holds nothing else up, and is never decoded from a part.
func TestAnEventTooLargeForADocument(t *testing.T) {
	s := pickyStream()
	small := logOf("t", 1, 0)
	b := Decode("chain", "market", s, []markets.Raw{logOf("t", 0, 9_000_000), small, logOf("u", 2, 3)})
	if len(b.Events) != 1 || b.Events[0].Position != small.Position || len(b.DeadLetters) != 2 {
		t.Fatalf("%d events, %d letters", len(b.Events), len(b.DeadLetters))
	}
	large, other := b.DeadLetters[0], b.DeadLetters[1]
	if large.Position.Log != 0 || other.Position.Log != 2 {
		t.Error("the letters are not in order")
	}
	raws := wholeOf(t, large)
	if len(raws) != 1 || len(raws[0].Data) != maxData || raws[0].Left != 9_000_000-maxData || !strings.Contains(large.Reason, "9000000 bytes") {
		t.Errorf("%d raw events, %d bytes, %d left out, %s", len(raws), len(raws[0].Data), raws[0].Left, large.Reason)
	}
	if len(large.Raw) > maxDeadLetter {
		t.Errorf("%d bytes in a letter", len(large.Raw))
	}
	if _, err := DecodeAgain(s, large); err == nil || !strings.Contains(err.Error(), "not whole") {
		t.Errorf("decoded again: %v", err)
	}
	if raws := wholeOf(t, other); len(raws) != 1 || raws[0].Left != 0 || !bytes.Equal(raws[0].Data, []byte{0xff, 0xff, 0xff}) {
		t.Errorf("%+v", raws)
	}
}

// Each letter of a transaction holds the whole transaction, unless the letters together
// would be too large: a contract may log a thousand events that cannot be decoded.
func TestLettersOfOneTransactionAreBounded(t *testing.T) {
	for _, test := range []struct {
		events, data int
		around       int
		whole        bool
	}{
		{3, 1000, 0, true},
		{3, 1000, 100_000, true},
		{20, 3, 0, true},
		{1000, 3, 0, false},
		{1000, 40_000, 0, false},
		{3, maxData, 0, false},
		{1000, 3, 3_000_000, false},
		{1, 3, 3_000_000, false},
	} {
		var around []markets.Log
		if test.around > 0 {
			around = []markets.Log{{Data: make([]byte, test.around)}}
		}
		var raws []markets.Raw
		for i := range test.events {
			raw := logOf("t", int32(i), test.data)
			raw.ReceiptLogs = around
			raws = append(raws, raw)
		}
		b := Decode("chain", "market", pickyStream(), raws)
		if len(b.DeadLetters) != test.events {
			t.Fatalf("%d letters", len(b.DeadLetters))
		}
		total := 0
		for i, letter := range b.DeadLetters {
			total += len(letter.Raw)
			got := wholeOf(t, letter)
			if test.whole != (len(got) == test.events && got[0].Left == 0) {
				t.Fatalf("%+v: %d events in a letter, %d left out", test, len(got), got[0].Left)
			}
			if !test.whole && (len(got) != 1 || got[0].Position.Log != int32(i) || got[0].Left == 0) {
				t.Fatalf("%+v: letter %d has %d events, %d left out", test, i, len(got), got[0].Left)
			}
			if len(letter.Raw) > maxDeadLetter+1000 {
				t.Errorf("%+v: %d bytes in a letter", test, len(letter.Raw))
			}
		}
		if most := maxPerTransaction + test.events*(2*test.data+1000); total > most {
			t.Errorf("%+v: %d bytes in all letters, want at most %d", test, total, most)
		}
	}
}
