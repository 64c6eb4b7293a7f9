package tokens

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
)

// Where a window begins and ends, of the second of three sales:
//
//	0 move 10 │ 1 matched │ 2 move 12 │ 3 sold │ 4 move 14 │ 5 sold │ 6 move 16 │ 7 matched │ 8 move 18 │ 9 sold │ 10 move 20
func TestWindows(t *testing.T) {
	sold, matched := [32]byte{0xff}, [32]byte{0xfe}
	market, other := [20]byte{1}, [20]byte{9}
	var logs []markets.Log
	for i, kind := range []string{"move", "matched", "move", "sold", "move", "sold", "move", "matched", "move", "sold", "move"} {
		log := markets.Log{Index: int32(i), Address: market}
		switch kind {
		case "move":
			log.Topics = [][32]byte{transferTopic, {}, {}, common.BytesToHash([]byte{byte(10 + i)})}
		case "matched":
			log.Topics = [][32]byte{matched}
		case "sold":
			log.Topics = [][32]byte{sold}
		}
		logs = append(logs, log)
	}
	// Events of other contracts are no edges.
	for _, topic := range [][32]byte{sold, matched} {
		logs = append(logs, markets.Log{Index: 4, Address: other, Topics: [][32]byte{topic}}, markets.Log{Index: 6, Address: other, Topics: [][32]byte{topic}})
	}
	raw := &markets.Raw{Position: markets.Position{Log: 5}, Address: market, Topics: [][32]byte{sold}, ReceiptLogs: logs}
	for _, c := range []struct {
		since, until Edge
		want         string
	}{
		{Edge{}, Edge{}, "14"},
		{SameKind(), Event(), "14"},
		{Event(), SameKind(), "16 18"},
		{SameKind(), SameKind(), "14 16 18"},
		{Transaction(), Edge{}, "10 12 14"},
		{Event(), Transaction(), "16 18 20"},
		{Transaction(), Transaction(), "10 12 14 16 18 20"},
		{Another(matched), Edge{}, "12 14"},
		{Event(), Another(matched), "16"},
		{Another(matched), Another(matched), "12 14 16"},
		{Another([32]byte{7}), Another([32]byte{7}), "10 12 14 16 18 20"},
		{Event(), Event(), ""},
	} {
		moved, _ := Transfers(raw, Window{c.since, c.until}, address.Checksums{})
		var ids []string
		for _, m := range moved {
			ids = append(ids, fmt.Sprint(m.(map[string]any)["id"]))
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%+v: %s, want %s", Window{c.since, c.until}, got, c.want)
		}
	}
}
