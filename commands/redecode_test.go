package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/internal/thorough"
)

// sales is the definition of Seaport's sales by expressions.
func sales(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../markets/definition/testdata/seaport-sales.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// follow runs a definition once on the recorded chain, and returns its folder.
func follow(t *testing.T, endpoint, definition string) string {
	t.Helper()
	dir := t.TempDir()
	define(t, dir, endpoint, definition)
	output(t, dir, "run", "--once")
	return dir
}

// define writes a configuration of one definition.
func define(t *testing.T, dir, endpoint, definition string) {
	t.Helper()
	text := fmt.Sprintf("data: data\ndefinitions: [sales.yaml]\nchains:\n  ethereum:\n    kind: evm\n    chainId: 1\n    endpoint: %s\n    poll: 100ms\n    markets:\n      seaport-sales: {start: 15990000}\n", endpoint)
	for name, text := range map[string]string{"event-worker.yaml": text, "sales.yaml": definition} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Decoded again without a node, a stream's documents are those of a worker that has had the
// definition from the beginning: other keys, other prices, what could not be decoded before,
// and what no longer can.
func TestRedecode(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	node := recordedNode(t, "ethereum")
	first := strings.Replace(sales(t), "kind: evm\n", "kind: evm\nraw: true\n", 1)
	second := strings.NewReplacer("order: orderHash", `order: orderHash + "@" + emitter`, "price: sum(map(consideration, .amount))", "price: consideration[0].amount",
		"currency: offer[0].token", "currency: offer[0].token\n          partial: offer[0].amount > 1").Replace(first)
	strict := strings.Replace(first, "quantity: offer[0].amount", "quantity: 1000000 / (offer[0].amount - 1)", 1) // by zero for single tokens
	for _, test := range []struct {
		name, before, after string
	}{
		{"another key and price", first, second},
		{"dead letters", strict, first},
		{"to dead letters", first, strict},
		{"the same", first, first},
	} {
		never := follow(t, node.URL(), test.after)
		dir := follow(t, node.URL(), test.before)
		data := filepath.Join(dir, "data")
		want := contents(t, filepath.Join(never, "data"))
		if before := contents(t, data); (before == want) != (test.name == "the same") || !strings.Contains(before, `"raw":{`) && test.name != "dead letters" {
			t.Fatalf("%s: the documents before: %.2000s", test.name, before)
		}
		define(t, dir, unreachable(t), test.after)
		if said := output(t, dir, "redecode", "ethereum/seaport-sales/buy"); !strings.Contains(said, "Decoded ") || strings.Contains(said, "Decoded 0") {
			t.Errorf("%s: %s", test.name, said)
		}
		if got := contents(t, data); got != want {
			t.Errorf("%s: the documents are\n%.3000s\nwant\n%.3000s", test.name, got, want)
		}
		actor := `{_id: "ethereum/seaport-sales/buy/activity"}`
		got, expected := find(t, data, "actors", actor)[0], find(t, filepath.Join(never, "data"), "actors", actor)[0]
		for _, field := range []string{"seq", "hash", "events", "deadLetters"} {
			if fmt.Sprint(got[field]) != fmt.Sprint(expected[field]) {
				t.Errorf("%s: %s is %v, want %v", test.name, field, got[field], expected[field])
			}
		}
		define(t, dir, node.URL(), test.after)
		output(t, dir, "run", "--once")
		if contents(t, data) != want {
			t.Errorf("%s: started again the documents change", test.name)
		}
	}
}

// What cannot be decoded again says why, and nothing changes.
func TestRedecodeInVain(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "ethereum")
	dir := follow(t, node.URL(), sales(t))
	data := filepath.Join(dir, "data")
	before := contents(t, data)
	for _, test := range []struct{ arg, want string }{
		{"ethereum/seaport-sales/buy", "cannot be decoded from its log: the activity at "},
		{"ethereum/seaport-sales", "name one stream"},
		{"ethereum/seaport-sales/sell", `has no stream "sell"`},
		{"bsc/seaport-sales/buy", `unknown chain "bsc"`},
		{"ethereum/opensee/buy", "the configuration has no market opensee"},
	} {
		if _, stderr, code := result(t, dir, nil, "redecode", test.arg); code != 1 || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: exit code %d, %s", test.arg, code, stderr)
		}
	}
	define(t, dir, node.URL(), "market: seaport-sales\nkind: evm\nchains: {ethereum: {chainId: 1, contracts: {c: \"0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC\"}}}\nstreams: {buy: {decoder: seaport/buy, raw: true}}\n")
	if _, stderr, code := result(t, dir, nil, "redecode", "ethereum/seaport-sales/buy"); code != 1 || !strings.Contains(stderr, "its decoder needs events that became no activities") {
		t.Errorf("of code: exit code %d, %s", code, stderr)
	}
	if contents(t, data) != before {
		t.Error("the documents have changed")
	}
}

// A definition that changes is noticed, and --redecode makes the documents those of a worker
// that has always had it: from the log where that has all raw events, else from the chain.
func TestRunRedecode(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	node := recordedNode(t, "ethereum")
	conditional := strings.Replace(sales(t), "kind: evm\n", "kind: evm\nraw: true\n", 1)
	first, _, _ := strings.Cut(conditional, "        - when: len(offer) > 0 and offer[0].itemType < 2\n")
	first = strings.Replace(first, "- when: len(offer) > 0 and offer[0].itemType >= 2 and all(consideration, .itemType < 2)\n          kind", "- kind", 1) // what it does not fit becomes dead letters
	dear := strings.Replace(first, "price: sum(map(consideration, .amount))", "price: consideration[0].amount", 1)
	some := strings.Replace(first, "becomes:\n", "when: offer[0].amount > 1\n      becomes:\n", 1)
	plain := strings.Replace(dear, "raw: true\n", "", 1)
	stream := "ethereum/seaport-sales/buy"
	for _, test := range []struct {
		name, before, after string
		read                bool
	}{
		{"another price", first, dear, false},
		{"left out", first, some, true},
		{"no longer left out", some, first, true},
		{"with a condition", conditional, first, true},
		{"without raw events", plain, sales(t), true},
	} {
		never := follow(t, node.URL(), test.after)
		want := contents(t, filepath.Join(never, "data"))
		dir := follow(t, node.URL(), test.before)
		data := filepath.Join(dir, "data")
		define(t, dir, node.URL(), test.after)
		for range 2 { // it is said at each start
			if _, stderr, code := result(t, dir, nil, "run", "--once"); code != 0 || !strings.Contains(stderr, "the definition has changed") || !strings.Contains(stderr, "changed=decoding") {
				t.Errorf("%s: exit code %d, %s", test.name, code, stderr)
			}
		}
		if said := output(t, dir, "status", "--data", data); !strings.Contains(said, stream+" (decoding)") {
			t.Errorf("%s: status says %s", test.name, said)
		}
		if len(find(t, data, "actors", `{"meaning.changed": "decoding"}`)) != 1 {
			t.Errorf("%s: not found by a query", test.name)
		}
		if contents(t, data) == want {
			t.Errorf("%s: nothing is to be done", test.name)
		}
		_, stderr, code := result(t, dir, nil, "run", "--once", "--redecode")
		if code != 0 || strings.Contains(stderr, "is read again from its start") != test.read || strings.Contains(stderr, "new events follow") {
			t.Errorf("%s: exit code %d, %s", test.name, code, stderr)
		}
		if got := contents(t, data); got != want {
			t.Errorf("%s: the documents are\n%.3000s\nwant\n%.3000s", test.name, got, want)
		}
		if said := output(t, dir, "status", "--data", data); strings.Contains(said, "(decoding)") {
			t.Errorf("%s: status says %s", test.name, said)
		}
		if said := output(t, dir, "redecode", "--changed"); said != "No definition has changed.\n" {
			t.Errorf("%s: %s", test.name, said)
		}
	}
}

// A running worker makes the streams again whose definition has changed: from its log, or from
// the chain. To decode a stream again is enough where that can be done for all of the log.
func TestARunningWorkerMakesChangedStreamsAgain(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	node := recordedNode(t, "ethereum")
	first := strings.Replace(sales(t), "kind: evm\n", "kind: evm\nraw: true\n", 1)
	first, _, _ = strings.Cut(first, "        - when: len(offer) > 0 and offer[0].itemType < 2\n")
	first = strings.Replace(first, "- when: len(offer) > 0 and offer[0].itemType >= 2 and all(consideration, .itemType < 2)\n          kind", "- kind", 1)
	dear := strings.Replace(first, "price: sum(map(consideration, .amount))", "price: consideration[0].amount", 1)
	some := strings.Replace(first, "becomes:\n", "when: offer[0].amount > 1\n      becomes:\n", 1)
	stream := "ethereum/seaport-sales/buy"
	for _, test := range []struct{ name, after, arg, says string }{
		{"decoded", dear, "--changed", stream + ": 38 raw events decoded again"},
		{"read", some, "--changed", stream + " is at its start, to be read again: it cannot be decoded from its log: a definition left raw events out"},
		{"one stream", dear, stream, "Decoded 38 raw events of " + stream + " again."},
	} {
		want := contents(t, filepath.Join(follow(t, node.URL(), test.after), "data"))
		dir := follow(t, node.URL(), first)
		data := filepath.Join(dir, "data")
		define(t, dir, node.URL(), test.after)
		p := launch(t, dir, "run")
		p.says("chain acquired")
		said := output(t, dir, "redecode", test.arg)
		if !strings.HasPrefix(said, "Asked the running worker: redecode of ethereum") || !strings.Contains(said, test.says) {
			t.Errorf("%s: %s", test.name, said)
		}
		eventually(t, "the documents are those of "+test.name, func() bool { return contents(t, data) == want })
		if left := find(t, data, "actors", `{"meaning.changed": {$exists: true}}`); len(left) > 0 {
			t.Errorf("%s: still changed: %v", test.name, left)
		}
		if said := output(t, dir, "redecode", "--changed"); !strings.HasSuffix(said, "\nethereum: No definition has changed.\n") {
			t.Errorf("%s: then %s", test.name, said)
		}
		p.ends(syscall.SIGTERM)
	}
}

// Comments, the order of options and the option raw are no change of a definition. A stream
// that is no longer followed is logged.
func TestNoChangeOfADefinition(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "ethereum")
	dir := follow(t, node.URL(), sales(t))
	define(t, dir, node.URL(), "# a comment\n"+strings.Replace(sales(t), "kind: evm\n", "kind: evm\nraw: true\nnotifications: true\n", 1))
	if _, stderr, code := result(t, dir, nil, "run", "--once"); code != 0 || strings.Contains(stderr, "changed") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	define(t, dir, node.URL(), strings.Replace(sales(t), "\n  buy:", "\n  sell:", 1))
	if _, stderr, code := result(t, dir, nil, "run", "--once"); code != 0 || !strings.Contains(stderr, "no longer followed") || !strings.Contains(stderr, "ethereum/seaport-sales/buy") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
