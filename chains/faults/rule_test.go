package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestSelection covers the parameters that every fault has.
func TestSelection(t *testing.T) {
	log := func(from, to int64) string { return wireOf(1, getLogs, filter(from, to)) }
	ask := func(method string) string { return wireOf(1, method) }
	twoBlocks := []string{log(1, 1), log(2, 2), log(1, 1), log(2, 2), log(1, 1)}
	byHash := func(n string) string {
		return wireOf(1, getLogs, map[string]any{"blockHash": header(t, ethereum(), n).text("hash")})
	}
	for _, test := range []struct {
		params string
		calls  []string
		want   string // x where the fault occurs
	}{
		{"", []string{ask(chainID), ask(blockNumber)}, "xx"},
		{"methods: [eth_chainId]", []string{ask(chainID), ask(blockNumber)}, "x."},
		{"first: 1", twoBlocks, "xx..."},
		{"skip: 1", twoBlocks, "..xxx"},
		{"skip: 1, first: 1", twoBlocks, "..xx."},
		{"first: 1, same: method", append(slices.Clone(twoBlocks), ask(chainID)), "x....x"},
		{"first: 2, same: all", append(slices.Clone(twoBlocks), ask(chainID)), "xx...."},
		{"first: 1", []string{log(1, 1), byHash("0x1")}, "xx"},
		{"first: 1, same: block", []string{log(1, 1), byHash("0x1"), byHash("0x2")}, "x.x"},
		{"from: 3", []string{log(1, 2), log(1, 3), log(4, 9), ask(blockNumber)}, ".xx."},
		{"to: 3", []string{log(1, 2), log(3, 9), log(4, 9)}, "xx."},
		{"from: 3, to: 3", []string{wireOf(1, getBlockByNumber, "0x3", false), wireOf(1, getBlockByNumber, "latest", false), wireOf(1, getBlockReceipts, header(t, ethereum(), "0x3").text("hash"))}, "x.x"},
		{"wider: 2", []string{log(1, 2), log(1, 3), ask(chainID)}, ".x."},
		{"chance: 0.5", []string{ask(chainID), ask(chainID), ask(chainID), ask(chainID), ask(chainID), ask(chainID)}, "xx.x.."},
		{"chance: 0.5, decide: once", []string{log(1, 1), log(2, 2), log(3, 3), log(1, 1), log(2, 2), log(3, 3)}, "x..x.."},
	} {
		p := proxyOf(t, "  - {fault: error, "+test.params+"}", 5, ethereum(), Options{})
		got := ""
		for _, c := range test.calls {
			got += map[bool]string{true: "x", false: "."}[strings.HasPrefix(sendJSON(p, c).one(), "error -32001")]
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.params, got, test.want)
		}
	}
}

// What is decided by request happens to all calls of a batch, also to equal ones, or to none.
func TestChanceByRequest(t *testing.T) {
	p := proxyOf(t, "  - {fault: error, chance: 0.5, decide: request}", 5, ethereum(), Options{})
	batch := "[" + strings.Join([]string{wireOf(1, getLogs, map[string]any{"fromBlock": "0x1", "toBlock": "0x1"}), wireOf(2, chainID), wireOf(3, blockNumber), wireOf(4, chainID)}, ",") + "]"
	seen := map[int]bool{}
	for range 20 {
		failed := strings.Count(string(sendJSON(p, batch).body), "-32001")
		if failed != 0 && failed != 4 {
			t.Fatalf("%d calls of 4 failed", failed)
		}
		seen[failed] = true
	}
	if len(seen) != 2 {
		t.Errorf("failed calls of each batch: %v", seen)
	}
}

func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := proxyOf(t, "  - {fault: chain-id, id: 5, after: 2s, lasts: 3s}", 1, ethereum(), Options{})
		got := ""
		for range 7 {
			got += rpc(p, chainID) + " "
			time.Sleep(time.Second)
		}
		if want := `"0x7a69" "0x7a69" "0x5" "0x5" "0x5" "0x7a69" "0x7a69" `; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestRates(t *testing.T) {
	for _, test := range []struct {
		faults string
		want   string // answers, half a second apart
	}{
		{"{fault: rate, burst: 3, refill: 1, as: error}", ".....x.x"},
		{"{fault: rate, burst: 1, refill: 1}", ".x.x.x.x"},
		{"{fault: compute-units, units: 40, window: 2s, as: error}", "..xx..xx"},
		{"{fault: compute-units, units: 19, window: 2s}", "xxxxxxxx"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := proxyOf(t, "  - "+test.faults, 1, ethereum(), Options{})
			got := ""
			for range len(test.want) {
				r := sendJSON(p, wireOf(1, "eth_syncing"))
				limited := strings.Contains(r.one(), "compute units per second")
				got += map[bool]string{true: "x", false: "."}[limited]
				if hint := r.header.Get("Retry-After"); limited && !strings.Contains(test.faults, "error") && hint != "1" && hint != "2" {
					t.Errorf("%s: Retry-After %q", test.faults, hint)
				}
				time.Sleep(time.Second / 2)
			}
			if got != test.want {
				t.Errorf("%s: got %s, want %s", test.faults, got, test.want)
			}
		})
	}
}

// drawn is a call in a history.
type drawn struct {
	body string
	nth  int // how many of the same come before it
}

// With one seed the same calls have the same answers, in any order and in batches too.
func TestDeterminism(t *testing.T) {
	const mixture = `
  - {fault: status, status: 502, chance: 0.1}
  - {fault: cut, bytes: 20, chance: 0.1}
  - {fault: not-json, chance: 0.1}
  - {fault: error, chance: 0.1}
  - {fault: balancer, lags: [0, 2, 64, 65]}
  - {fault: fork, at: 2, chance: 0.2, logs: drop}
  - {fault: range-cap, blocks: 3, words: alchemy-200}
  - {fault: logs-missing, chance: 0.3, first: 1, how: half}
  - {fault: logs-unsorted, chance: 0.5}
  - {fault: logs-doubled, chance: 0.5, logs: 2}
  - {fault: "null", chance: 0.2, decide: once, methods: [eth_getBlockByNumber]}
`
	node := small()
	rapid.Check(t, func(r *rapid.T) {
		seed := rapid.Uint64().Draw(r, "seed")
		calls := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) string {
			from := rapid.Int64Range(0, 6).Draw(r, "from")
			switch rapid.IntRange(0, 3).Draw(r, "method") {
			case 0:
				return wireOf(1, getLogs, filter(from, from+rapid.Int64Range(0, 3).Draw(r, "more")))
			case 1:
				return wireOf(1, getBlockByNumber, hexNumber(from), false)
			case 2:
				return wireOf(1, blockNumber)
			}
			return wireOf(1, getBlockByNumber, "latest", false)
		}), 1, 30).Draw(r, "calls")
		shuffled := slices.Clone(calls)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })

		play := func(seed uint64, calls []string) map[drawn]string {
			p := proxyOf(t, mixture, seed, node, Options{})
			counts, out := map[string]int{}, map[drawn]string{}
			for _, c := range calls {
				got := sendJSON(p, c)
				out[drawn{c, counts[c]}] = fmt.Sprint(got.status, got.cut, string(got.body))
				counts[c]++
			}
			return out
		}
		first, second := play(seed, calls), play(seed, shuffled)
		for c, want := range first {
			if second[c] != want {
				r.Fatalf("number %d of %s:\n%.300s\nin another order\n%.300s", c.nth, c.body, want, second[c])
			}
		}
	})
}

// Different seeds give different histories.
func TestSeeds(t *testing.T) {
	play := func(seed uint64) (text string) {
		p := proxyOf(t, "  - {fault: error, chance: 0.5}", seed, ethereum(), Options{})
		for range 64 {
			text += rpc(p, chainID)[:1]
		}
		return text
	}
	first, again, other := play(1), play(1), play(2)
	if first != again || first == other {
		t.Errorf("seed 1: %s, again %s, seed 2: %s", first, again, other)
	}
	if n := strings.Count(first, "e"); n < 16 || n > 48 {
		t.Errorf("%d of 64 with a chance of a half", n)
	}
}

// Concurrent calls of a batch have the same answers as sequential ones, even if they are
// equal.
func TestParallelBatches(t *testing.T) {
	const mixture = "  - {fault: error, chance: 0.3}\n  - {fault: batch-partial, skip: 1, first: 1}\n  - {fault: lag, blocks: 3, chance: 0.4}"
	var calls []string
	for i := range 60 {
		calls = append(calls, wireOf(i, []string{chainID, blockNumber, "eth_syncing"}[i%3]))
	}
	node := ethereum()
	one, _ := batch(proxyOf(t, mixture, 3, node, Options{}), calls...)
	for range 20 {
		got, _ := batch(proxyOf(t, mixture, 3, node, Options{Parallel: 8}), calls...)
		if fmt.Sprint(got) != fmt.Sprint(one) {
			t.Fatalf("concurrently\n%v\nsequentially\n%v", got, one)
		}
	}
	if text := fmt.Sprint(one); !strings.Contains(text, "error -32001") || !strings.Contains(text, "error 429") || !strings.Contains(text, "0x4a") {
		t.Errorf("too few faults: %s", text)
	}
}

func TestNotifications(t *testing.T) {
	var asked []string
	node := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method)
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":7}`)
	})
	got, r := batch(proxyOf(t, "  - {fault: error, chance: 0}", 1, node, Options{}), `{"jsonrpc":"2.0","method":"a"}`, `{"jsonrpc":"2.0","id":"x","method":"a"}`, `7`)
	if len(got) != 2 || string(got[0].ID) != `"x"` || len(asked) != 3 {
		t.Errorf("%s, asked %v", r.body, asked)
	}
}

// Requests that no fault changes call by call are forwarded unchanged.
func TestWhole(t *testing.T) {
	for faults, want := range map[string]int{
		"": 1,
		"  - latency\n  - {fault: cut, chance: 0}": 1,
		"  - range-cap":                       1, // not one of its calls
		"  - {fault: error, chance: 0}":       4,
		"  - {fault: batch-order, chance: 0}": 4,
	} {
		node, asked := ethereum(), 0
		counting := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			node.ServeHTTP(w, r)
		})
		synctest.Test(t, func(t *testing.T) {
			got, r := batch(proxyOf(t, faults, 1, counting, Options{}), wireOf(1, chainID), wireOf(2, blockNumber), wireOf(3, chainID), wireOf(4, "x"))
			if len(got) != 4 || got[1].String() != `"0x4d"` || got[3].Error == nil || asked != want {
				t.Errorf("%s: asked %d times, %s", faults, asked, r.body)
			}
		})
	}
	failing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "away", http.StatusBadGateway) })
	if got := rpc(proxyOf(t, "", 1, failing, Options{}), chainID); got != "HTTP 502: away" {
		t.Errorf("a status: %s", got)
	}
}
