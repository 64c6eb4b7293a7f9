package evm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/replay/replaytest"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/markets"
)

// fulfilled is the topic of Seaport's OrderFulfilled.
const fulfilled = "0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31"

// Each recorded sale comes with all recorded logs of its transaction, from blocks that
// are read in ranges and from those that are read by hash.
func TestAround(t *testing.T) {
	const folder = "../../testdata/recordings/ethereum"
	recording := replaytest.Open(t, os.DirFS(folder))
	node := replaytest.Serve(t, recording)
	source := markets.Source{Topics: []string{fulfilled}, ReceiptLogs: true}
	chain, err := New(Config{Endpoints: []chains.Endpoint{{URL: node.URL()}}, ChainID: recording.ChainID, Sources: []markets.Source{source}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
	want := logsOf(t, folder)
	at, sales := markets.Place{Seq: 14_900_000}, 0
	var view *chains.View
	for more := true; more; more = node.Step() {
		if view, err = chain.Advance(t.Context(), view); err != nil {
			t.Fatal(err)
		}
		var raws []markets.Raw
		raws, at = chaintest.Drain(t.Context(), t, chain, view, source, at, -1, 100)
		for _, raw := range raws {
			sales++
			var indices []int32
			for _, l := range raw.ReceiptLogs {
				indices = append(indices, l.Index)
			}
			if !slices.Equal(indices, want[raw.Transaction]) {
				t.Errorf("transaction %s: logs %v, want %v", raw.Transaction, indices, want[raw.Transaction])
			}
		}
	}
	if sales < 30 {
		t.Errorf("%d sales", sales)
	}
}

// logsOf are the indices of the recorded logs of each transaction.
func logsOf(t *testing.T, folder string) map[string][]int32 {
	t.Helper()
	names, err := filepath.Glob(folder + "/blocks/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no recorded blocks: %v", err)
	}
	logs := map[string][]int32{}
	for _, name := range names {
		var block struct {
			Logs []struct{ TransactionHash, LogIndex string }
		}
		text, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(text, &block)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, l := range block.Logs {
			logs[l.TransactionHash] = append(logs[l.TransactionHash], int32(common.HexToHash(l.LogIndex).Big().Int64()))
		}
	}
	return logs
}

// A receipt's logs are taken only if they have those that eth_getLogs gave of its
// transaction, as numbered there or within the transaction.
func TestReceiptsOfOthers(t *testing.T) {
	chain, err := New(Config{Endpoints: []chains.Endpoint{{URL: "http://127.0.0.1:1"}}, ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
	raw := markets.Raw{Position: markets.Position{Log: 3}, Block: "0xb1", Transaction: "0x7a", Topics: [][32]byte{{1}}, Data: []byte{5}}
	other := markets.Raw{Position: markets.Position{Log: 2}, Block: "0xb1", Transaction: "0x7a", Topics: [][32]byte{{2}}}
	with := func(spoil func(log, beside *markets.Raw)) []markets.Raw {
		log, beside := raw, other
		spoil(&log, &beside)
		return []markets.Raw{beside, log}
	}
	for name, c := range map[string]struct {
		logs []markets.Raw
		want []int32 // the indices of the logs around; nil: they are not taken
	}{
		"its own":             {with(func(_, _ *markets.Raw) {}), []int32{2, 3}},
		"numbered within it":  {with(func(l, b *markets.Raw) { l.Position.Log, b.Position.Log = 1, 0 }), []int32{2, 3}},
		"none":                {nil, nil},
		"other data":          {with(func(l, _ *markets.Raw) { l.Data = nil }), nil},
		"other topics":        {with(func(l, _ *markets.Raw) { l.Topics = nil }), nil},
		"of another":          {with(func(l, _ *markets.Raw) { l.Address[0]++ }), nil},
		"only the one beside": {with(func(_, _ *markets.Raw) {})[:1], nil},
	} {
		events := []markets.Raw{raw}
		if taken := chain.attachAndKeep(events, c.logs); taken != (c.want != nil) {
			t.Errorf("%s: taken %v", name, taken)
		}
		var got []int32
		for _, l := range events[0].ReceiptLogs {
			got = append(got, l.Index)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: logs %v around, want %v", name, got, c.want)
		}
	}
}
