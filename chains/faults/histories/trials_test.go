package histories

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/chains/faults"
)

// trial is a profile under which histories run.
type trial struct {
	name     string
	faults   string // instead of the built-in profile's faults: the same, scaled to some hundred blocks and seconds
	mayStall bool   // the chain may be unreadable by such an endpoint alone
	sockets  bool   // subscribe by WebSocket
	foreign  bool   // the other chain shares no blocks
	hollow   bool   // the chain's blooms are trusted
	blocks   int    // initial blocks in addition to other histories'
	forks    bool   // wrong blocks are served as final permanently
	held     bool   // a finality violation is not confirmed before the history ends
	halves   bool   // events may be missing: blooms do not reveal them, or they are dead letters
	numbers  bool   // logs have other indices

	profile *faults.Profile
}

// scaled are the built-in profiles, scaled to a small chain.
var scaled = []trial{
	{name: "range-cap", faults: `[{fault: range-cap, blocks: 7, words: alchemy}]`},
	{name: "tight-range-cap", faults: `[{fault: range-cap, blocks: 3, words: alchemy-free}]`},
	{name: "vague-range-cap", faults: `[{fault: range-cap, blocks: 7, words: vague}]`},
	{name: "range-timeout", faults: `[{fault: range-cap, blocks: 7, words: infura-timeout}]`},
	{name: "range-status", faults: `[{fault: status, status: 502, wider: 7, methods: [eth_getLogs]}]`},
	{name: "range-hangs", faults: `[{fault: hang, wider: 12, methods: [eth_getLogs]}]`},
	{name: "result-cap", faults: `[{fault: result-cap, results: 6, words: infura-results}]`},
	{name: "block-over-the-cap", faults: `[{fault: result-cap, results: 2, words: geth-results}]`},
	{name: "size-cap", faults: `[{fault: size-cap, bytes: 6000, words: jsonrpsee-size}]`},
	{name: "address-cap", faults: `[{fault: address-cap, addresses: 2}]`},
	{name: "rate", faults: `[{fault: rate, burst: 30, refill: 40}]`},
	{name: "rate-in-batch", faults: `[{fault: rate, per: call, burst: 100, refill: 100, as: error}]`},
	{name: "compute-units", faults: `[{fault: compute-units, units: 3000, window: 1s, as: error, retryAfter: "no"}]`},
	{name: "pruned", faults: `[{fault: pruned, keep: 20}]`, mayStall: true},
	{name: "history-gone", faults: `[{fault: pruned, keep: 20, what: [logs, receipts, headers]}]`, mayStall: true},
	{name: "other-chain", faults: `[{fault: other-chain, after: 400ms, lasts: 400ms, logs: drop}]`},
	{name: "finality-broken", faults: `[{fault: fork, depth: 30, after: 400ms, logs: drop}]`, mayStall: true, forks: true, held: true},
	{name: "logs-missing", halves: true}, {name: "liar", halves: true}, {name: "odd-indices", numbers: true, halves: true},
	{name: "far-finality", faults: `[{fault: rate, burst: 40, refill: 40}, {fault: finalized, how: back, blocks: 50}]`},
	{name: "endless", mayStall: true},
	{name: "huge", faults: `[{fault: huge, mib: 3}]`, mayStall: true},
	{name: "gzip-bomb", faults: `[{fault: gzip-bomb, mib: 8}]`, mayStall: true},
	{name: "slow", faults: `[{fault: latency, fixed: 10ms, jitter: 60ms}, {fault: bandwidth, bytes: 262_144}]`},
	{name: "no-blooms", hollow: true}, {name: "full-blooms", hollow: true},
	{name: "ws-silent", faults: `[{fault: ws-silent, heads: 5}]`, sockets: true},
	{name: "ws-drop", faults: `[{fault: ws-drop, heads: 5}]`, sockets: true},
	{name: "ws-disorder", sockets: true},
	{name: "provider", faults: `[{fault: latency, fixed: 5ms, jitter: 20ms}, {fault: compute-units, units: 4000, window: 1s, as: error, retryAfter: "no"},
		{fault: batch-cap, calls: 10, words: alchemy-batch}, {fault: status, status: 502, chance: 0.01}, {fault: range-cap, blocks: 10, words: alchemy},
		{fault: result-cap, results: 8, words: infura-results}]`},
	{name: "flaky", faults: `[{fault: latency, fixed: 1ms, jitter: 10ms}, {fault: status, status: 502, chance: 0.02}, {fault: status, status: 503, chance: 0.01},
		{fault: status, status: 524, chance: 0.01}, {fault: status, status: 500, chance: 0.01}, {fault: cut, bytes: 50, chance: 0.02}, {fault: error, words: vague-internal, chance: 0.02}]`},
	{name: "hostile", faults: `[{fault: endless, chance: 0.02}, {fault: gzip-bomb, chance: 0.02, mib: 8}, {fault: huge, chance: 0.02, mib: 3}, {fault: not-json, chance: 0.02},
		{fault: not-json, chance: 0.02, how: binary}, {fault: echo, chance: 0.02}, {fault: headers, chance: 0.02}, {fault: headers, chance: 0.02, how: malformed},
		{fault: cut, chance: 0.02}, {fault: hang, chance: 0.01, for: 1m}]`},
}

// more are profiles that are not built in.
var more = []trial{
	{name: "other-chain-for-ever", faults: `[{fault: other-chain, after: 400ms}]`, mayStall: true},
	{name: "other-chain-with-logs", faults: `[{fault: other-chain, after: 300ms, lasts: 500ms}]`},
	{name: "foreign-chain", faults: `[{fault: other-chain, after: 300ms, lasts: 500ms}]`, foreign: true},
	{name: "foreign-chain-at-times", faults: `[{fault: other-chain, chance: 0.1, decide: request}]`, foreign: true, mayStall: true},
	{name: "chain-id", faults: `[{fault: chain-id}]`, mayStall: true},
	{name: "forked-for-a-while", faults: `[{fault: fork, depth: 60, after: 300ms, lasts: 600ms, logs: drop}]`, blocks: 60},
	{name: "all-fails", faults: `[{fault: status, status: 500}]`, mayStall: true},
	{name: "all-fails-later", faults: `[{fault: status, status: 503, after: 500ms}]`, mayStall: true},
	{name: "hangs-later", faults: `[{fault: hang, after: 500ms}]`, mayStall: true},
	{name: "hangs-at-times", faults: `[{fault: hang, chance: 0.03}]`},
	{name: "outage", faults: `[{fault: status, status: 502, after: 300ms, lasts: 700ms}]`},
	{name: "endless-at-times", faults: `[{fault: endless, chance: 0.05}]`},
	{name: "huge-at-times", faults: `[{fault: huge, mib: 3, chance: 0.1}]`},
	{name: "logs-missing-empty", faults: `[{fault: logs-missing, chance: 0.1, methods: [eth_getLogs]}]`},
	{name: "lagging-mixture", faults: `[{fault: balancer, lags: [0, 3, 9]}, {fault: "null", chance: 0.05}]`},
}

// trials returns the trials of EVM chains: of every built-in profile, and more.
func trials() ([]trial, error) {
	var all []trial
	for _, name := range faults.ProfileNames() {
		if strings.HasPrefix(name, "aptos-") {
			continue
		}
		t := trial{name: name}
		if i := slices.IndexFunc(scaled, func(t trial) bool { return t.name == name }); i >= 0 {
			t = scaled[i]
		}
		all = append(all, t)
	}
	all = append(all, more...)
	for i := range all {
		if err := all[i].read(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (t *trial) read() (err error) {
	if t.faults == "" {
		var ok bool
		if t.profile, ok = faults.Builtin(t.name); !ok {
			return fmt.Errorf("unknown profile %s", t.name)
		}
		return nil
	}
	t.profile, err = faults.Parse(t.name, []byte("faults: "+t.faults))
	return err
}
