package definition_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

const seen = `market: seen
kind: evm
chains: {one: {chainId: 1, contracts: {main: "0x00000000000000000000000000000000000000aa"}}}
abi:
  - event Sold(uint256 id)
  - event Matched(uint256 id)
  - event Paid(uint256 value)
streams:
  buy:
    event: Sold
    transfers: WINDOW
    becomes: {kind: recorded, record: {type: sale, key: id, fields: {ids: "map(moved, .id)"}}}
  sent:
    event: Sold
    becomes: {kind: bought, order: id, maker: emitter, taker: sender, price: value, currency: coin}
  paid:
    event: Paid
    becomes: {kind: recorded, record: {type: paid, key: emitter, fields: {value: value}}}
`

func seenStreams(t *testing.T, window string) map[string]markets.Stream {
	t.Helper()
	d, err := definition.Parse(definition.Source{File: "seen.yaml", Text: []byte(strings.Replace(seen, "WINDOW", window, 1))})
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.On(definition.Site{ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	streams := map[string]markets.Stream{}
	for _, s := range m.Streams {
		streams[s.Name] = s
	}
	return streams
}

// A definition says which of the transaction's transfers it sees.
func TestTransfersOfADefinition(t *testing.T) {
	contract := common.HexToAddress("0xaa")
	move := func(id int) markets.Raw {
		return markettest.Log(t, contract, "event Transfer(address indexed,address indexed,uint256 indexed)", contract, contract, id)
	}
	logs := markettest.Transaction(7,
		move(1), markettest.Log(t, contract, "event Matched(uint256)", 0),
		move(2), markettest.Log(t, contract, "event Sold(uint256)", 0),
		move(3), markettest.Log(t, contract, "event Sold(uint256)", 1),
		move(4), markettest.Log(t, contract, "event Matched(uint256)", 1), move(5),
	)
	for window, want := range map[string]string{
		"true": "[3]", "after": "[4 5]", "transaction": "[1 2 3 4 5]",
		"{since: Matched}": "[2 3]", "{since: transaction}": "[1 2 3]", "{since: event, until: Matched}": "[4]",
		"{since: previous, until: next}": "[3 4 5]", `{since: "Matched(uint256)", until: transaction}`: "[2 3 4 5]",
	} {
		events, failures := seenStreams(t, window)["buy"].DecodeAll(logs[5:6])
		if len(failures) > 0 || len(events) != 1 || fmt.Sprint(events[0].Record.Fields["ids"]) != want {
			t.Errorf("%s: %+v, %v, want %s", window, events, failures, want)
		}
	}
	for window, want := range map[string]string{
		"before":                          "write true, after, transaction",
		"{since: Burnt}":                  "since: unknown event Burnt",
		"{since: next}":                   "since: unknown event next",
		"{until: previous}":               "until: unknown event previous",
		"{since: event}":                  "nothing is between the event and itself",
		"{since: Matched, from: Matched}": "unknown option",
	} {
		_, err := definition.Parse(definition.Source{File: "seen.yaml", Text: []byte(strings.Replace(seen, "WINDOW", window, 1))})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", window, err, want)
		}
	}
}

// A source asks for its events' transactions only if it depends on their sender or value, and
// not on fields of these names.
func TestSenderAndValue(t *testing.T) {
	streams := seenStreams(t, "true")
	for stream, want := range map[string]bool{"buy": false, "sent": true, "paid": false} {
		if got := streams[stream].Source.Envelope; got != want {
			t.Errorf("%s asks for transactions: %v", stream, got)
		}
	}
	contract := common.HexToAddress("0xaa")
	raws := markettest.Transaction(7, markettest.Log(t, contract, "event Sold(uint256)", 1))
	raws[0].Envelope = &markets.Envelope{Sender: common.HexToAddress("0xbb"), Value: "340282366920938463463374607431768211456"}
	events, failures := streams["sent"].DecodeAll(raws)
	if len(failures) > 0 || len(events) != 1 || events[0].Taker != common.HexToAddress("0xbb").Hex() || events[0].Price != raws[0].Envelope.Value {
		t.Errorf("%+v, %v", events, failures)
	}
	for _, envelope := range []*markets.Envelope{nil, {}} { // of an event that was read before the definition asked
		raws[0].Envelope = envelope
		if events, failures := streams["sent"].DecodeAll(raws); len(events) > 0 || len(failures) != 1 || !strings.Contains(failures[0].Reason.Error(), "sender and value are not known") {
			t.Errorf("%+v, %v", events, failures)
		}
	}
	paid := markettest.Transaction(7, markettest.Log(t, contract, "event Paid(uint256)", 12))
	if events, failures := streams["paid"].DecodeAll(paid); len(failures) > 0 || events[0].Record.Fields["value"] != "12" {
		t.Errorf("%+v, %v", events, failures)
	}
}
