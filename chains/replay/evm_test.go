package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/chains/replay/replaytest"
)

const recordings = "../../testdata/recordings/"

var (
	seaport14      = common.HexToAddress("0x00000000000001ad428e4906aE43D8F9852d0dD6")
	orderFulfilled = common.HexToHash("0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31")
	orderCancelled = common.HexToHash("0x6bacc01dbe442496068f7d234edd811f1a5f833243e0aec824f86ab861f3c90d")
	ordersMatched  = common.HexToHash("0x4b9f2d36e1b4c93de62cc077b00b1a91d84b6c31b4a14e012718dcca230689e7")
)

func open(t testing.TB, chain string) *replay.Recording {
	t.Helper()
	return replaytest.Open(t, os.DirFS(recordings+chain))
}

func dial(t testing.TB, n *replay.Node) *ethclient.Client {
	t.Helper()
	c, err := ethclient.Dial(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ethereum is a node at the end of the recorded Ethereum.
func ethereumAtEnd(t testing.TB) (*replay.Node, *ethclient.Client) {
	n := replaytest.Serve(t, open(t, "ethereum"))
	n.Finish()
	return n, dial(t, n)
}

// recordedBlock is a block file, read without the package's own code.
type recordedBlock struct {
	Number     int64       `json:"number"`
	Hash       common.Hash `json:"hash"`
	ParentHash common.Hash `json:"parentHash"`
	Timestamp  uint64      `json:"timestamp"`
	Logs       []types.Log `json:"logs"`
}

func recordedBlocks(t testing.TB) []recordedBlock {
	t.Helper()
	folder := recordings + "ethereum/blocks/"
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var out []recordedBlock
	for _, e := range entries {
		data, err := os.ReadFile(folder + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		var b recordedBlock
		if err := json.Unmarshal(data, &b); err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func TestNodeAnswersWhatWasRecorded(t *testing.T) {
	_, client := ethereumAtEnd(t)
	for _, b := range recordedBlocks(t) {
		head, err := client.HeaderByNumber(t.Context(), big.NewInt(b.Number))
		if err != nil {
			t.Fatal(err)
		}
		if head.Time != b.Timestamp || b.ParentHash != (common.Hash{}) && head.ParentHash != b.ParentHash {
			t.Errorf("block %d: time %d, parent %s", b.Number, head.Time, head.ParentHash)
		}
		got, err := client.FilterLogs(t.Context(), ethereum.FilterQuery{BlockHash: &b.Hash})
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(b.Logs) {
			t.Errorf("block %d: logs differ from those recorded", b.Number)
		}
		for _, l := range b.Logs {
			if !types.BloomLookup(head.Bloom, l.Address) || !types.BloomLookup(head.Bloom, l.Topics[0]) {
				t.Errorf("block %d: a log is not in the bloom", b.Number)
			}
		}
		if types.BloomLookup(head.Bloom, common.HexToAddress("0xdead")) {
			t.Errorf("block %d: the bloom holds anything", b.Number)
		}
		checkReceipts(t, client, b)
	}
}

func checkReceipts(t *testing.T, client *ethclient.Client, b recordedBlock) {
	t.Helper()
	receipts, err := client.BlockReceipts(t.Context(), rpc.BlockNumberOrHashWithHash(b.Hash, false))
	if err != nil {
		t.Fatal(err)
	}
	var logs []types.Log
	for _, r := range receipts {
		if r.Bloom != types.CreateBloom(r) {
			t.Errorf("transaction %s: wrong bloom", r.TxHash)
		}
		for _, l := range r.Logs {
			if l.TxHash != r.TxHash {
				t.Errorf("transaction %s: another's log", r.TxHash)
			}
			logs = append(logs, *l)
		}
	}
	if fmt.Sprint(logs) != fmt.Sprint(b.Logs) {
		t.Errorf("block %d: receipts hold other logs than recorded", b.Number)
	}
}

// The numbers are those of the real block 17,000,000, as its block explorers show.
func TestBlock17000000(t *testing.T) {
	_, client := ethereumAtEnd(t)
	number := big.NewInt(17_000_000)
	for topic, want := range map[common.Hash]int{orderFulfilled: 7, orderCancelled: 2, ordersMatched: 1} {
		logs, err := client.FilterLogs(t.Context(), ethereum.FilterQuery{
			FromBlock: number, ToBlock: number,
			Addresses: []common.Address{seaport14}, Topics: [][]common.Hash{{topic}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(logs) != want {
			t.Errorf("topic %s: %d logs, want %d", topic, len(logs), want)
		}
	}
}

// Every filter finds what a naive one finds among all recorded logs.
func TestFilterFindsWhatANaiveOneDoes(t *testing.T) {
	r := open(t, "ethereum")
	r.Limits.Blocks = 1 << 40
	n := replaytest.Serve(t, r)
	n.Finish()
	client := dial(t, n)
	var all []types.Log
	for _, b := range recordedBlocks(t) {
		all = append(all, b.Logs...)
	}
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t, all, n.Head())
		var want []types.Log
		for _, l := range all {
			if naive(q, l) {
				want = append(want, l)
			}
		}
		got, err := client.FilterLogs(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %d logs, want %d", len(got), len(want))
		}
	})
}

// drawQuery draws a query around one of the logs, so that it finds something often.
func drawQuery(t *rapid.T, all []types.Log, head int64) ethereum.FilterQuery {
	some := rapid.SampledFrom(all)
	of := some.Draw(t, "of")
	var q ethereum.FilterQuery
	from := int64(of.BlockNumber) - rapid.Int64Range(0, 1_000_000).Draw(t, "before")
	q.FromBlock = big.NewInt(from)
	q.ToBlock = big.NewInt(rapid.Int64Range(from, head).Draw(t, "to"))
	if rapid.Bool().Draw(t, "by hash") {
		hash := of.BlockHash
		q.FromBlock, q.ToBlock, q.BlockHash = nil, nil, &hash
	}
	for range rapid.IntRange(0, 2).Draw(t, "addresses") {
		q.Addresses = append(q.Addresses, some.Draw(t, "address of").Address)
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "topics") {
		var alternatives []common.Hash
		for range rapid.IntRange(0, 2).Draw(t, "alternatives") {
			if other := some.Draw(t, "topic of"); i < len(other.Topics) {
				alternatives = append(alternatives, other.Topics[i])
			}
		}
		q.Topics = append(q.Topics, alternatives)
	}
	return q
}

func naive(q ethereum.FilterQuery, l types.Log) bool {
	number := big.NewInt(int64(l.BlockNumber))
	if q.BlockHash != nil && *q.BlockHash != l.BlockHash {
		return false
	}
	if q.BlockHash == nil && (number.Cmp(q.FromBlock) < 0 || number.Cmp(q.ToBlock) > 0) {
		return false
	}
	if len(q.Addresses) > 0 && !slices.Contains(q.Addresses, l.Address) {
		return false
	}
	for i, alternatives := range q.Topics {
		if i >= len(l.Topics) || len(alternatives) > 0 && !slices.Contains(alternatives, l.Topics[i]) {
			return false
		}
	}
	return true
}

// Recorded or not, a block's parent is the block before it, each is found by its
// hash, and time does not go backwards.
func TestBlocksLinkUp(t *testing.T) {
	n, client := ethereumAtEnd(t)
	c := client.Client()
	other := replaytest.Serve(t, open(t, "ethereum")) // as after a restart
	other.Finish()
	elsewhere := dial(t, other).Client()
	numbers := []int64{}
	for _, b := range recordedBlocks(t) {
		numbers = append(numbers, b.Number)
	}
	rapid.Check(t, func(t *rapid.T) {
		height := rapid.Int64Range(1, n.Head())
		if rapid.Bool().Draw(t, "near a recorded block") {
			near := rapid.SampledFrom(numbers).Draw(t, "block")
			height = rapid.Int64Range(near-2, min(near+3, n.Head()))
		}
		h := height.Draw(t, "height")
		block, parent := blockBy(t, c, "eth_getBlockByNumber", hexutil.EncodeUint64(uint64(h))), blockBy(t, c, "eth_getBlockByNumber", hexutil.EncodeUint64(uint64(h-1)))
		if block.ParentHash != parent.Hash {
			t.Fatalf("block %d: parent %s, want %s", h, block.ParentHash, parent.Hash)
		}
		if block.Time < parent.Time {
			t.Fatalf("block %d is %d s older than its parent", h, parent.Time-block.Time)
		}
		if again := blockBy(t, elsewhere, "eth_getBlockByHash", block.Hash.Hex()); again != block {
			t.Fatalf("by hash %+v, by number %+v", again, block)
		}
	})
}

type header struct {
	Number     hexutil.Uint64 `json:"number"`
	Hash       common.Hash    `json:"hash"`
	ParentHash common.Hash    `json:"parentHash"`
	Time       hexutil.Uint64 `json:"timestamp"`
}

func blockBy(t interface {
	Helper()
	Fatal(...any)
}, c *rpc.Client, method, which string) header {
	t.Helper()
	var h *header
	if err := c.Call(&h, method, which, false); err != nil {
		t.Fatal(err)
	}
	if h == nil {
		t.Fatal(method, which, "answered null")
	}
	return *h
}

func TestTags(t *testing.T) {
	n := replaytest.Serve(t, open(t, "ethereum"))
	c := dial(t, n).Client()
	for range 3 {
		head := uint64(n.Head())
		for tag, want := range map[string]uint64{
			"latest": head, "pending": head, "safe": head - 32, "finalized": head - 64, "earliest": 0,
		} {
			if got := blockBy(t, c, "eth_getBlockByNumber", tag).Number; uint64(got) != want {
				t.Errorf("%s: %d, want %d", tag, got, want)
			}
		}
		n.Step()
	}
}

// What lies beyond the head is not there, by whatever way it is asked for.
func TestNothingBeyondTheHead(t *testing.T) {
	r := open(t, "ethereum")
	n, end := replaytest.Serve(t, r), replaytest.Serve(t, r)
	end.Finish()
	c := dial(t, n).Client()
	beyond := hexutil.EncodeUint64(uint64(n.Head()) + 1)
	hash := blockBy(t, dial(t, end).Client(), "eth_getBlockByNumber", beyond).Hash
	for _, call := range [][]any{
		{"eth_getBlockByNumber", beyond, false},
		{"eth_getBlockByHash", hash, false},
		{"eth_getBlockReceipts", beyond},
		{"eth_getBlockReceipts", hash},
		{"eth_getBlockByHash", common.HexToHash("0x1234"), false},
	} {
		var raw json.RawMessage
		if err := c.Call(&raw, call[0].(string), call[1:]...); err != nil || string(raw) != "null" {
			t.Errorf("%v: %s, %v", call, raw, err)
		}
	}
	for _, filter := range []map[string]any{
		{"blockHash": hash},
		{"blockHash": common.HexToHash("0x1234")},
		{"fromBlock": "latest", "toBlock": beyond},
	} {
		var raw json.RawMessage
		if err := c.Call(&raw, "eth_getLogs", filter); err == nil {
			t.Errorf("eth_getLogs %v: %s", filter, raw)
		}
	}
}

func TestLimits(t *testing.T) {
	r := open(t, "ethereum")
	r.Limits = replay.Limits{Blocks: 1001, Logs: 27}
	n := replaytest.Serve(t, r)
	c := dial(t, n).Client()
	for _, tc := range []struct {
		from, to int64
		want     string // of the error
	}{
		{17_500_000, 17_501_000, ""},
		{17_500_000, 17_501_001, "maximum block range: 1001"},
		{15_999_000, 16_000_000, ""},
		{17_999_500, 18_000_100, "query returned more than 27 results. Try with this block range [0x112a68c, 0x112a8e3]."},
		{17_000_000, 17_000_000, "query returned more than 27 results"},
		{17_000_001, 17_000_000, "invalid block range params"},
	} {
		var raw json.RawMessage
		err := c.Call(&raw, "eth_getLogs", map[string]any{
			"fromBlock": hexutil.EncodeUint64(uint64(tc.from)), "toBlock": hexutil.EncodeUint64(uint64(tc.to)),
		})
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.HasSuffix(err.Error(), tc.want)) {
			t.Errorf("%d to %d: %v, want %q", tc.from, tc.to, err, tc.want)
		}
	}
}

func TestStepsLeadFromBlockToBlock(t *testing.T) {
	following := map[string]struct{ from, to int64 }{
		"ethereum": {18_099_992, 18_100_034},
		"aptos":    {2386133933, 2386133939},
	}
	for _, chain := range []string{"ethereum", "aptos"} {
		n := replay.NewNode(open(t, chain))
		seen := map[int64]bool{n.Head(): true}
		for last := n.Head(); n.Step(); last = n.Head() {
			if n.Head() <= last {
				t.Fatalf("%s: head went from %d to %d", chain, last, n.Head())
			}
			seen[n.Head()] = true
		}
		if n.Head() != n.End() || n.Step() {
			t.Errorf("%s: ended at %d, want %d", chain, n.Head(), n.End())
		}
		for h := following[chain].from; h <= following[chain].to; h++ {
			if !seen[h] {
				t.Errorf("%s: %d was never the head", chain, h)
			}
		}
	}
}

func TestMalformedRequests(t *testing.T) {
	n, _ := ethereumAtEnd(t)
	for body, code := range map[string]int{
		``:     -32700,
		`{`:    -32700,
		`[`:    -32700,
		`{}`:   -32600,
		`1`:    -32600,
		`null`: -32600,
		`[]`:   -32600,
		`{"jsonrpc":"2.0","id":[1],"method":"eth_chainId"}`:            -32600,
		`{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}`:              -32600,
		`{"jsonrpc":"2.0","id":1,"method":7}`:                          -32600,
		`{"jsonrpc":"2.0","id":1,"method":"eth_sendTransaction"}`:      -32601,
		call("eth_getBlockByNumber", `[]`):                             -32602,
		call("eth_getBlockByNumber", `{"a":1}`):                        -32602,
		call("eth_getBlockByNumber", `["latest"]`):                     -32602,
		call("eth_getBlockByNumber", `["0x",false]`):                   -32602,
		call("eth_getBlockByNumber", `["0x01",false]`):                 -32602,
		call("eth_getBlockByNumber", `[1,false]`):                      -32602,
		call("eth_getBlockByNumber", `["0xffffffffffffffff",false]`):   -32602,
		call("eth_getBlockByNumber", `["0xffffffffffffffffff",false]`): -32602,
		call("eth_getBlockByNumber", `["latest",false,1]`):             -32602,
		call("eth_getBlockByHash", `["0x12",false]`):                   -32602,
		call("eth_getBlockReceipts", `[{"blockHash":"0x12"}]`):         -32602,
		call("eth_getBlockReceipts", `[{}]`):                           -32602,
		call("eth_getLogs", `["latest"]`):                              -32602,
		call("eth_getLogs", `[{"fromBlock":{}}]`):                      -32602,
		call("eth_getLogs", `[{"address":"0x12"}]`):                    -32602,
		call("eth_getLogs", `[{"address":[["0x12"]]}]`):                -32602,
		call("eth_getLogs", `[{"topics":"0x12"}]`):                     -32602,
		call("eth_getLogs", `[{"topics":[null,null,null,null,null]}]`): -32602,
		call("eth_getLogs", `[{"topics":[[`+strings.Repeat(`"`+orderFulfilled.Hex()+`",`, 1000)+`"`+orderFulfilled.Hex()+`"]]}]`): -32602,
		call("eth_getLogs", `[{"fromBlock":"0x1","blockHash":"`+orderFulfilled.Hex()+`"}]`):                                       -32602,
		`[` + strings.Repeat(`1,`, 1000) + `1]`: -32600,
		strings.Repeat(`[`, 100_000):            -32700,
	} {
		if got := rpcCode(t, n, body); got != code {
			t.Errorf("%.100s: code %d, want %d", body, got, code)
		}
	}
}

func call(method, params string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`
}

func rpcCode(t *testing.T, n *replay.Node, body string) int {
	t.Helper()
	var answer struct {
		Error *struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	status, text := post(t, n, strings.NewReader(body))
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Error == nil {
		t.Fatalf("%.100s: answered %.100s", body, text)
	}
	return answer.Error.Code
}

func post(t *testing.T, n *replay.Node, body io.Reader) (int, []byte) {
	t.Helper()
	res, err := http.Post(n.URL(), "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, text
}

func TestHTTPLimits(t *testing.T) {
	n, _ := ethereumAtEnd(t)
	if status, _ := post(t, n, bytes.NewReader(make([]byte, 6<<20))); status != http.StatusRequestEntityTooLarge {
		t.Errorf("large body: status %d", status)
	}
	res, err := http.Get(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: status %d", res.StatusCode)
	}
}

func TestBatch(t *testing.T) {
	n, _ := ethereumAtEnd(t)
	_, text := post(t, n, strings.NewReader(`[
		{"jsonrpc":"2.0","id":"a","method":"eth_chainId"},
		{"jsonrpc":"2.0","method":"eth_chainId"},
		7,
		{"jsonrpc":"2.0","id":2,"method":"eth_nothing"},
		{"jsonrpc":"2.0","id":null,"method":"eth_chainId"}]`))
	want := `[{"jsonrpc":"2.0","id":"a","result":"0x1"},` +
		`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}},` +
		`{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"the method \"eth_nothing\" does not exist/is not available"}},` +
		`{"jsonrpc":"2.0","id":null,"result":"0x1"}]`
	if string(text) != want {
		t.Errorf("got %s", text)
	}
	if got := n.Requests(); got["eth_chainId"] != 2 || len(got) != 1 {
		t.Errorf("counted %v", got)
	}
}
