package faults

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// consistent expects a chain whose blocks, logs and receipts are consistent.
func consistent(t *testing.T, h http.Handler) (hashes []string) {
	t.Helper()
	for n := int64(0); n <= smallHead; n++ {
		o := header(t, h, hexNumber(n))
		hash := o.text("hash")
		if n > 0 && o.text("parentHash") != hashes[n-1] {
			t.Errorf("block %d: its parent is %s, want %s", n, o.text("parentHash"), hashes[n-1])
		}
		hashes = append(hashes, hash)
		if back, ok := object1(t, rpc(h, getBlockByHash, hash, false)).quantity("number"); !ok || back != n {
			t.Errorf("block %d by its hash: %d", n, back)
		}
	}
	for n, hash := range hashes[:14] {
		byNumber, byHash := logsOf(t, h, int64(n), int64(n)), objects(t, rpc(h, getLogs, map[string]any{"blockHash": hash}))
		receipts := objects(t, rpc(h, getBlockReceipts, hash))
		if len(byNumber) != len(byHash) || len(byNumber) > 0 && len(receipts) == 0 {
			t.Errorf("block %d: %d logs by number, %d by hash, %d receipts", n, len(byNumber), len(byHash), len(receipts))
		}
		for i, l := range byNumber {
			if l.text("blockHash") != hash || byHash[i].text("blockHash") != hash {
				t.Errorf("block %d: a log of %s", n, l.text("blockHash"))
			}
		}
		for _, r := range receipts[:min(1, len(receipts))] { // the node finds receipts slowly
			one := object1(t, rpc(h, getReceipt, r.text("transactionHash")))
			if r.text("blockHash") != hash || one.text("blockHash") != hash {
				t.Errorf("block %d: a receipt of %s", n, r.text("blockHash"))
			}
			r.logs(func(logs []object) []object {
				for _, l := range logs {
					if l.text("blockHash") != hash {
						t.Errorf("block %d: a receipt's log of %s", n, l.text("blockHash"))
					}
				}
				return logs
			})
		}
	}
	return hashes
}

func TestFork(t *testing.T) {
	node := small()
	plain := consistent(t, node)
	for params, at := range map[string]int{"at: 2": 2, "depth: 66": 1, "at: 0": 0, "at: 50": 50} {
		forked := proxyOf(t, "  - {fault: fork, "+params+"}", 1, node, Options{})
		hashes := consistent(t, forked)
		for n := range hashes {
			if (hashes[n] != plain[n]) != (n >= at) {
				t.Errorf("%s: block %d has the hash %s, the node's %s", params, n, hashes[n], plain[n])
			}
		}
		if got := rpc(forked, getBlockByHash, plain[at], false); got != "null" {
			t.Errorf("%s: a block of the other branch: %s", params, got)
		}
		if got := rpc(forked, getLogs, map[string]any{"blockHash": plain[at]}); got != "error -32000: unknown block" {
			t.Errorf("%s: logs of a block of the other branch: %.80s", params, got)
		}
		if got := rpc(node, getBlockByHash, hashes[at], false); got != "null" {
			t.Errorf("%s: the node knows the branch: %s", params, got)
		}
	}
}

func TestForkWithoutLogs(t *testing.T) {
	forked := proxyOf(t, "  - {fault: fork, at: 2, logs: drop}", 1, small(), Options{})
	hashes := consistent(t, forked)
	if got := logsOf(t, forked, 1, 3); len(got) != 20 {
		t.Errorf("%d logs", len(got))
	}
	if bloom := object1(t, rpc(forked, getBlockByHash, hashes[2], false)).text("logsBloom"); bloom != bloomOf(0) {
		t.Errorf("bloom %s", bloom)
	}
	if bloom := header(t, forked, "0x1").text("logsBloom"); bloom == bloomOf(0) {
		t.Error("a block below has no bloom")
	}
}

// TestOtherChain switches to another node for some time.
func TestOtherChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":"other"}`)
		})
		p := proxyOf(t, "  - {fault: other-chain, after: 1s, lasts: 1s}", 1, ethereum(), Options{Other: other})
		got := ""
		for range 3 {
			got += rpc(p, chainID) + rpc(p, blockNumber) + " "
			time.Sleep(time.Second)
		}
		if want := `"0x7a69""0x4d" "other""other" "0x7a69""0x4d" `; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	made := proxyOf(t, "  - other-chain", 1, small(), Options{})
	if hashes := consistent(t, made); hashes[0] == header(t, small(), "0x0").text("hash") || rpc(made, "net_version") != `"11155111"` {
		t.Errorf("the made-up chain: id %s, %s", rpc(made, "net_version"), hashes[0])
	}
}

// TestLag expects the answers of a lagging node to be consistent.
func TestLag(t *testing.T) {
	node := ethereum()
	p := proxyOf(t, "  - {fault: lag, blocks: 70}", 1, node, Options{})
	if got := rpc(p, blockNumber); got != `"0x7"` {
		t.Fatalf("head %s", got)
	}
	seen, unseen := header(t, node, "0x7").text("hash"), header(t, node, "0x8").text("hash")
	for what, test := range map[string][2]string{
		"a block it has seen":         {fmt.Sprintf("%.2s", rpc(p, getBlockByHash, seen, false)), `{"`},
		"a block it has not seen":     {rpc(p, getBlockByHash, unseen, false), "null"},
		"its logs":                    {rpc(p, getLogs, map[string]any{"blockHash": unseen}), "[]"},
		"logs up to the newest block": {fmt.Sprint(len(objects(t, rpc(p, getLogs, map[string]any{"fromBlock": "0x6", "toBlock": "latest"})))), "400"},
		"receipts":                    {rpc(p, getBlockReceipts, unseen), "null"},
		"a receipt":                   {rpc(p, getReceipt, logsOf(t, node, 8, 8)[0].text("transactionHash")), "null"},
		"the newest receipts":         {fmt.Sprint(len(objects(t, rpc(p, getBlockReceipts, "latest")))), "200"},
		"another method":              {rpc(p, chainID), `"0x7a69"`},
	} {
		if test[0] != test[1] {
			t.Errorf("%s: got %.100s, want %s", what, test[0], test[1])
		}
	}
	p = proxyOf(t, "  - {fault: lag, blocks: 70, unseen: error}", 1, node, Options{})
	if got := rpc(p, getLogs, map[string]any{"blockHash": unseen}); got != "error -32000: unknown block" {
		t.Errorf("logs of a block it has not seen: %s", got)
	}
}

// A balancer serves the calls of one batch from different nodes.
func TestBalancer(t *testing.T) {
	p := proxyOf(t, "  - {fault: balancer, lags: [0, 3, 9]}", 1, ethereum(), Options{})
	got := map[string]bool{}
	for range 20 {
		answers, _ := batch(p, wireOf(1, blockNumber), wireOf(2, blockNumber), wireOf(3, blockNumber))
		for _, a := range answers {
			got[a.String()] = true
		}
	}
	if len(got) != 3 || !got[`"0x4d"`] || !got[`"0x4a"`] || !got[`"0x44"`] {
		t.Errorf("heads: %v", got)
	}
}
