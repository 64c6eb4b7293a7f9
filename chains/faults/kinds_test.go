package faults

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestKinds triggers each fault, and expects the node's own answer from a proxy without
// it.
func TestKinds(t *testing.T) {
	logs := func(from, to int64) func(*testing.T, http.Handler) string {
		return func(_ *testing.T, h http.Handler) string {
			text := rpc(h, getLogs, filter(from, to))
			if strings.HasPrefix(text, "[") {
				return fmt.Sprintf("%d logs", strings.Count(text, `"topics"`))
			}
			return text
		}
	}
	ask := func(method string, params ...any) func(*testing.T, http.Handler) string {
		return func(_ *testing.T, h http.Handler) string { return fmt.Sprintf("%.90s", rpc(h, method, params...)) }
	}
	member := func(name string) func(*testing.T, http.Handler) string {
		return func(t *testing.T, h http.Handler) string {
			v, ok := logsOf(t, h, 1, 1)[0][name]
			return fmt.Sprintf("%s %v", v, ok)
		}
	}
	receipt := func(t *testing.T, h http.Handler) string {
		l := logsOf(t, h, 2, 2)[7]
		return rpc(h, getReceipt, l.text("transactionHash"))
	}
	indices := func(t *testing.T, h http.Handler) string {
		seen := map[string]bool{}
		for _, l := range logsOf(t, h, 1, 1) {
			seen[l.text("logIndex")] = true
		}
		return fmt.Sprint(len(seen))
	}
	batched := func(_ *testing.T, h http.Handler) string {
		got, r := batch(h, wireOf(1, chainID), wireOf(2, blockNumber), wireOf(3, chainID), wireOf(4, "net_version"))
		if len(got) == 0 {
			return r.one()
		}
		var ids []string
		for _, one := range got {
			ids = append(ids, string(one.ID))
			if one.Error != nil {
				ids[len(ids)-1] += "!"
			}
		}
		return strings.Join(ids, " ")
	}
	bloom := func(t *testing.T, h http.Handler) string {
		text := header(t, h, "0x1").text("logsBloom")
		return fmt.Sprintf("%d zeros, %d ones", strings.Count(text, "0")-1, strings.Count(text, "f"))
	}
	const none = "200 logs"
	for _, test := range []struct {
		kind   string
		params string
		probe  func(*testing.T, http.Handler) string
		want   string
		plain  string
	}{
		{"range-cap", "blocks: 5, words: alchemy", logs(1, 6), `HTTP 400: {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"You can make eth_getLogs requests with up to a 5 block range. Based on your parameters, this block range should work: [0x1, 0x5]"}}`, "1200 logs"},
		{"range-cap", "blocks: 5, words: alchemy-200", logs(1, 6), `error -32600: You can make eth_getLogs requests with up to a 5 block range. Based on your parameters, this block range should work: [0x1, 0x5]`, "1200 logs"},
		{"range-cap", "blocks: 5, words: avalanche", logs(1, 6), "error -32000: requested too many blocks from 1 to 6, maximum is set to 5", "1200 logs"},
		{"range-cap", "blocks: 5", logs(1, 5), "1000 logs", "1000 logs"},
		{"result-cap", "results: 400, words: infura-results", logs(1, 3), "error -32005: query returned more than 400 results. Try with this block range [0x1, 0x2].", "600 logs"},
		{"result-cap", "results: 100, words: geth-results", logs(1, 1), "error -32005: query returned more than 100 results", none},
		{"result-cap", "results: 600", logs(1, 3), "600 logs", "600 logs"},
		{"size-cap", "bytes: 1000", logs(1, 1), "error -32008: Response is too big", none},
		{"address-cap", "addresses: 1", ask(getLogs, map[string]any{"fromBlock": "0x1", "toBlock": "0x1", "address": []string{"0x" + strings.Repeat("1", 40), "0x" + strings.Repeat("2", 40)}}), "error -32602: exceed max addresses or topics per search position", "[]"},
		{"no-method", "methods: [eth_chainId]", ask(chainID), "error -32601: the method eth_chainId does not exist/is not available", `"0x7a69"`},
		{"no-state", "below: 3, keep: 0", ask(getBalance, "0x0", "0x2"), "error -32000: missing trie node c6ebfa185e24077a555f06caaf4b78d9e0ae9dcb7a693ec753e856f49f", ""},
		{"no-state", "below: 3, keep: 0", func(t *testing.T, h http.Handler) string {
			return fmt.Sprintf("%.12s", rpc(h, ethCall, map[string]any{}, map[string]any{"blockHash": header(t, h, "0x2").text("hash")}))
		}, "error -32000", "error -32601"},
		{"no-state", "below: 3, keep: 0", ask(getStorage, "0x0", "0x0", "0x3"), `error -32601: the method "eth_getStorageAt" does not exist/is not available`, `error -32601: the method "eth_getStorageAt" does not exist/is not available`},
		{"no-state", "keep: 74, words: reth-state", ask(getCode, "0x0", "0x2"), "error -32603: State at block #2 is pruned", ""},
		{"no-block-hash", "", ask(ethCall, map[string]any{}, map[string]any{"blockHash": "0x12"}), "error -32602: invalid argument 1: hex string without 0x prefix", ""},
		{"no-block-hash", "", ask(ethCall, map[string]any{}, "0x2"), `error -32601: the method "eth_call" does not exist/is not available`, ""},
		{"error", "words: vague-internal", ask(chainID), "error -32603: Internal error", `"0x7a69"`},
		{"status", "status: 524", ask(chainID), "HTTP 524: <html><head><title>524 error</title></head><body><center><h1>524 error</h1></cen", `"0x7a69"`},
		{"status", "wider: 3", logs(1, 3), "600 logs", "600 logs"},
		{"cut", "bytes: 7", ask(chainID), "cut after 7 bytes", `"0x7a69"`},
		{"batch-cap", "calls: 3", batched, `HTTP 500: {"jsonrpc":"2.0","id":null,"error":{"code":31,"message":"batches of more than 3 requests are not allowed on the free tier"}}`, "1 2 3 4"},
		{"batch-cap", "calls: 4", batched, "1 2 3 4", "1 2 3 4"},
		{"batch-cap", "calls: 0, words: no-batches", batched, "error -32600: batch requests are disabled", "1 2 3 4"},
		{"batch-partial", "first: 1, same: call", batched, "1! 2! 3 4!", "1 2 3 4"},
		{"batch-partial", "", ask(chainID), `"0x7a69"`, `"0x7a69"`},
		{"batch-order", "", batched, "4 1 3 2", "1 2 3 4"},
		{"batch-missing", "answers: 2", batched, "1 2", "1 2 3 4"},
		{"rate", "burst: 0, refill: 1", ask(chainID), `HTTP 429: {"jsonrpc":"2.0","id":1,"error":{"code":429,"message":"Your app has exceeded its`, `"0x7a69"`},
		{"rate", "burst: 2, refill: 0, per: call, as: error", batched, "1 2 3! 4!", "1 2 3 4"},
		{"compute-units", "units: 19", ask("eth_syncing"), `HTTP 429: {"jsonrpc":"2.0","id":1,"error":{"code":429,"message":"Your app has exceeded its`, "false"},
		{"logs-missing", "", logs(1, 1), "0 logs", none},
		{"logs-missing", "how: half", logs(1, 1), "100 logs", none},
		{"logs-missing", `how: "null"`, logs(1, 1), "null", none},
		{"null", "", func(t *testing.T, h http.Handler) string { return fmt.Sprintf("%.4s", receipt(t, h)) }, "null", `{"bl`},
		{"pruned", "below: 3", logs(1, 4), "400 logs", "800 logs"},
		{"pruned", "keep: 74", logs(1, 4), "400 logs", "800 logs"},
		{"pruned", "below: 3, answer: error", logs(1, 4), "error 4444: pruned history unavailable", "800 logs"},
		{"pruned", "below: 3, what: [receipts]", func(t *testing.T, h http.Handler) string { return fmt.Sprintf("%.4s", receipt(t, h)) }, "null", `{"bl`},
		{"pruned", "below: 3, what: [headers]", func(t *testing.T, h http.Handler) string {
			return fmt.Sprintf("%.4s %.4s %s", rpc(h, getBlockByNumber, "0x2", false), rpc(h, getBlockByNumber, "0x3", false), logs(2, 2)(t, h))
		}, `null {"ba 200 logs`, `{"ba {"ba 200 logs`},
		{"finalized", "", ask(getBlockByNumber, "finalized", false), "null", `{"baseFeePerGas":"0x3b9aca00","difficulty":"0x0","extraData":"0x7265706c6179","gasLimit":"`},
		{"finalized", "how: error", ask(getBlockByNumber, "safe", false), "error -39001: finalized block not found", `{"baseFeePerGas":"0x3b9aca00","difficulty":"0x0","extraData":"0x7265706c6179","gasLimit":"`},
		{"finalized", "how: back, blocks: 70", func(t *testing.T, h http.Handler) string { return header(t, h, "finalized").text("number") }, "0x7", "0xd"},
		{"chain-id", "id: 5", ask(chainID), `"0x5"`, `"0x7a69"`},
		{"lag", "blocks: 5", ask(blockNumber), `"0x48"`, `"0x4d"`},
		{"lag", "blocks: 75", logs(1, 4), "400 logs", "800 logs"},
		{"lag", "blocks: 75", logs(3, 4), "0 logs", "400 logs"},
		{"lag", "blocks: 5", func(t *testing.T, h http.Handler) string { return header(t, h, "latest").text("number") }, "0x48", "0x4d"},
		{"lag", "blocks: 5", ask(getBlockByNumber, "0x49", false), "null", `{"baseFeePerGas":"0x3b9aca00","difficulty":"0x0","extraData":"0x7265706c6179","gasLimit":"`},
		{"lag", "blocks: 70", func(t *testing.T, h http.Handler) string { return header(t, h, "finalized").text("number") }, "0x7", "0xd"},
		{"lag", "blocks: 76", func(t *testing.T, h http.Handler) string { return fmt.Sprintf("%.4s", rpc(h, getBlockReceipts, "0x2")) }, "null", `[{"b`},
		{"balancer", "lags: [9]", ask(blockNumber), `"0x44"`, `"0x4d"`},
		{"fork", "at: 70", func(t *testing.T, h http.Handler) string {
			return fmt.Sprintf("%.5s %.5s", header(t, h, "0x45").text("hash"), header(t, h, "0x46").text("hash"))
		}, "0x542 0xcea", "0x542 0xafc"},
		{"other-chain", "id: 5", ask(chainID), `"0x5"`, `"0x7a69"`},
		{"removed-null", "", member("removed"), "null true", "false true"},
		{"timestamp", "", member("blockTimestamp"), `"0x0" true`, `"0x6553f10c" true`},
		{"timestamp", "how: number", member("blockTimestamp"), "1700000012 true", `"0x6553f10c" true`},
		{"timestamp", "how: missing", member("blockTimestamp"), " false", `"0x6553f10c" true`},
		{"logs-unsorted", "", func(t *testing.T, h http.Handler) string {
			return fmt.Sprint(slices.IsSortedFunc(logsOf(t, h, 1, 1), func(a, b object) int {
				i, _ := a.quantity("logIndex")
				j, _ := b.quantity("logIndex")
				return int(i - j)
			}), indices(t, h))
		}, "false200", "true200"},
		{"logs-doubled", "logs: 3", logs(1, 1), "203 logs", none},
		{"index-twice", "", indices, "199", "200"},
		{"index-in-transaction", "", func(t *testing.T, h http.Handler) string {
			return objects(t, string(object1(t, receipt(t, h))["logs"]))[0].text("logIndex")
		}, "0x0", "0x7"},
		{"field", "", member("transactionHash"), " false", ""},
		{"field", `field: number, how: "null"`, func(t *testing.T, h http.Handler) string { return string(header(t, h, "0x1")["number"]) }, "null", `"0x1"`},
		{"null-lists", "", func(t *testing.T, h http.Handler) string {
			return string(header(t, h, "0x20")["uncles"]) + rpc(h, getLogs, filter(32, 33))
		}, "nullnull", "[][]"},
		{"bloom", "", bloom, "512 zeros, 0 ones", ""},
		{"bloom", "how: ones", bloom, "0 zeros, 512 ones", ""},
		{"not-json", "how: html", ask(chainID), `not JSON: "<!DOCTYPE html><html><head><title>Just a moment...</title></"`, `"0x7a69"`},
		{"not-json", "", ask(chainID), `not JSON: "{\"jsonrpc\":\"2.0\",\"id\""`, `"0x7a69"`},
		{"not-json", "how: empty", ask(chainID), `not JSON: ""`, `"0x7a69"`},
		{"not-json", "how: binary", ask(chainID), `not JSON: "\x00\xff\xfe\x1b[2J\x80{"`, `"0x7a69"`},
	} {
		t.Run(test.kind+" "+test.params, func(t *testing.T) {
			node := ethereum()
			on := proxyOf(t, fmt.Sprintf("  - {fault: %q, %s}", test.kind, test.params), 1, node, Options{})
			if got := test.probe(t, on); got != test.want {
				t.Errorf("with the fault:\n got %s\nwant %s", got, test.want)
			}
			off := proxyOf(t, fmt.Sprintf("  - {fault: %q, chance: 0, %s}", test.kind, test.params), 1, node, Options{})
			plain := test.probe(t, node)
			if got := test.probe(t, off); got != plain {
				t.Errorf("without it:\n got %s\nwant %s", got, plain)
			}
			if plain != test.plain && test.plain != "" {
				t.Errorf("the node:\n got %s\nwant %s", plain, test.plain)
			}
			if c := off.Counters(); c.Faults[0].Done != 0 {
				t.Errorf("counted without it: %+v", c)
			}
			if c := on.Counters(); (c.Faults[0].Done > 0) != (test.want != plain) {
				t.Errorf("counted: %+v", c)
			}
		})
	}
}
