package evm_test

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/chains/replay/replaytest"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

const recording = "../../testdata/recordings/ethereum"

func serve(t testing.TB, r *replay.Recording, sources []markets.Source) (*replay.Node, *evm.Chain) {
	t.Helper()
	node := replaytest.Serve(t, r)
	chain, err := evm.New(evm.Config{Endpoints: []chains.Endpoint{{URL: node.URL()}}, ChainID: r.ChainID, Sources: sources})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
	return node, chain
}

func seaportSources(t testing.TB) []markets.Source {
	var sources []markets.Source
	for _, stream := range markettest.Mainnet(t, "seaport").Streams {
		sources = append(sources, stream.Source)
	}
	return sources
}

// recordedLog is where a recorded log stands.
type recordedLog struct {
	block, log int64
	hash       string
}

// recordedLogs are the recorded logs of a source, by position, read without the
// package's own code.
func recordedLogs(t *testing.T, source markets.Source) []recordedLog {
	t.Helper()
	names, err := filepath.Glob(recording + "/blocks/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no recorded blocks: %v", err)
	}
	quantity := func(s string) int64 { return common.HexToHash(s).Big().Int64() }
	contains := func(set []string, s string) bool {
		return slices.ContainsFunc(set, func(x string) bool { return strings.EqualFold(x, s) })
	}
	var logs []recordedLog
	for _, name := range names {
		var block struct {
			Logs []struct {
				Address, BlockNumber, BlockHash, LogIndex string
				Topics                                    []string
			}
		}
		body, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(body, &block)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, l := range block.Logs {
			if contains(source.Addresses, l.Address) && len(l.Topics) > 0 && contains(source.Topics, l.Topics[0]) {
				logs = append(logs, recordedLog{quantity(l.BlockNumber), quantity(l.LogIndex), l.BlockHash})
			}
		}
	}
	slices.SortFunc(logs, func(a, b recordedLog) int {
		if a.block != b.block {
			return int(a.block - b.block)
		}
		return int(a.log - b.log)
	})
	return logs
}

func TestRecordedSeaport(t *testing.T) {
	r, err := replay.Open(os.DirFS(recording))
	if err != nil {
		t.Fatal(err)
	}
	sources := seaportSources(t)
	node, chain := serve(t, r, sources)
	places := make([]markets.Place, len(sources))
	read := make([][]recordedLog, len(sources))
	for i := range places {
		// The blocks between recorded ones, ten million of them, are known to be empty.
		places[i] = markets.Place{Seq: 14_900_000}
	}
	var view *chains.View
	for more := true; more; more = node.Step() { // backfill, then follow
		before := node.Requests()["eth_getLogs"]
		next, err := chain.Advance(t.Context(), view)
		if err != nil {
			t.Fatal(err)
		}
		blocks := int64(0)
		if view != nil {
			blocks = next.Head.Seq - view.Head.Seq
		}
		for i, source := range sources {
			raws, to := chaintest.Drain(t.Context(), t, chain, next, source, places[i], -1, 100)
			for _, raw := range raws {
				read[i] = append(read[i], recordedLog{raw.Seq, int64(raw.Position.Log), raw.Block})
			}
			places[i] = to
		}
		if asked := node.Requests()["eth_getLogs"] - before; view != nil && blocks <= 10 && asked > blocks {
			t.Fatalf("%d questions for the logs of %d new blocks of %d streams", asked, blocks, len(sources))
		}
		view = next
	}
	total := 0
	for i, source := range sources {
		if want := recordedLogs(t, source); !slices.Equal(read[i], want) {
			t.Errorf("source %v\nread     %v\nrecorded %v", source.Topics, read[i], want)
		}
		total += len(read[i])
	}
	if total < 20 {
		t.Errorf("only %d logs", total)
	}
}

const (
	listings = 80_000
	sales    = 40_000
)

// BenchmarkRead is how fast logs are fetched and scanned, in pages of 1,000, from
// a node on loopback in the same process, which shares the processors.
func BenchmarkRead(b *testing.B) {
	sources := seaportSources(b)
	_, chain := serve(b, replay.Synthetic(listings, sales), sources)
	view, err := chain.Advance(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, source := range sources {
			raws, _ := chaintest.Drain(b.Context(), b, chain, view, source, markets.Place{Seq: -1}, -1, 1000)
			n += len(raws)
		}
	}
	if n != b.N*(listings+sales) {
		b.Errorf("%d logs in %d runs", n, b.N)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "logs/s")
}

// BenchmarkGoEthereum is the same with go-ethereum's client, which decodes by
// reflection.
func BenchmarkGoEthereum(b *testing.B) {
	node, _ := serve(b, replay.Synthetic(listings, sales), nil)
	client, err := ethclient.Dial(node.URL())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for from := uint64(1); from <= (listings+sales)/200; from += 5 {
			query := ethereum.FilterQuery{FromBlock: new(big.Int).SetUint64(from)}
			query.ToBlock = new(big.Int).SetUint64(from + 4)
			logs, err := client.FilterLogs(b.Context(), query)
			if err != nil {
				b.Fatal(err)
			}
			n += len(logs)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "logs/s")
}
