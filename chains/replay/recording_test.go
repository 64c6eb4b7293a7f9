package replay_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/chains/replay/replaytest"
)

const (
	evmChain = `{"kind":"evm","chainId":5,"blockSeconds":12,"safeDepth":1,"finalityDepth":2}`
	hash1    = "0x1111111111111111111111111111111111111111111111111111111111111111"
	hash2    = "0x2222222222222222222222222222222222222222222222222222222222222222"
	hash3    = "0x3333333333333333333333333333333333333333333333333333333333333333"
	block10  = `{"number":10,"hash":"` + hash1 + `","timestamp":1000,"timestampSource":"recorded","logs":[]}`
)

func TestOpenNamesFileAndField(t *testing.T) {
	log := func(number, hash string) string {
		return `{"number":10,"hash":"` + hash1 + `","timestamp":1000,"timestampSource":"recorded","logs":[{"address":"0x00000000006c3852cbef3e08e8df289169ede581",
		"topics":["` + hash1 + `"],"data":"0x","blockNumber":"` + number + `","blockHash":"` + hash + `","transactionHash":"` + hash2 + `","transactionIndex":"0x0","logIndex":"0x0"}]}`
	}
	const aptosChain = `{"kind":"aptos","chainId":1,"handles":{"0x1/0x1::m::Store/events":7}}`
	event := func(version, time, sequence string) string {
		return `{"version":"` + version + `","timestamp":"` + time + `","events":[{"guid":{"creation_number":"7","account_address":"0x1"},"sequence_number":"` + sequence + `","type":"0x1::m::E","data":{}}]}`
	}
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"no kind", map[string]string{"chain.json": `{}`}, []string{"chain.json", "kind"}},
		{"misspelt field", map[string]string{"chain.json": `{"kind":"evm","chainID":1,"finalityDept":3}`}, []string{"chain.json", "finalityDept"}},
		{"wrong type", map[string]string{"chain.json": `{"kind":"evm","chainId":"1"}`}, []string{"chain.json", "chainId"}},
		{"no chain id", map[string]string{"chain.json": `{"kind":"evm"}`}, []string{"chain.json", "chainId"}},
		{"depths", map[string]string{"chain.json": `{"kind":"evm","chainId":1,"blockSeconds":12,"safeDepth":3,"finalityDepth":2}`}, []string{"chain.json", "finalityDepth"}},
		{"no blocks", map[string]string{"chain.json": evmChain}, []string{"blocks"}},
		{"no JSON", map[string]string{"chain.json": evmChain, "blocks/1.json": `{`}, []string{"blocks/1.json"}},
		{"no hash", map[string]string{"chain.json": evmChain, "blocks/1.json": `{"number":1}`}, []string{"blocks/1.json", "hash"}},
		{"no time", map[string]string{"chain.json": evmChain, "blocks/1.json": `{"number":1,"hash":"` + hash1 + `"}`}, []string{"blocks/1.json", "timestamp"}},
		{"another block's log", map[string]string{"chain.json": evmChain, "blocks/10.json": log("0x9", hash1)}, []string{"blocks/10.json", "logs", "blockNumber"}},
		{"another hash's log", map[string]string{"chain.json": evmChain, "blocks/10.json": log("0xa", hash3)}, []string{"blocks/10.json", "logs", "blockHash"}},
		{"wrong parent", map[string]string{"chain.json": evmChain, "blocks/10.json": block10,
			"blocks/11.json": `{"number":11,"hash":"` + hash2 + `","parentHash":"` + hash3 + `","timestamp":1012,"timestampSource":"recorded"}`}, []string{"blocks/11.json", "parentHash"}},
		{"same hash twice", map[string]string{"chain.json": evmChain, "blocks/10.json": block10,
			"blocks/11.json": `{"number":11,"hash":"` + hash1 + `","timestamp":1012,"timestampSource":"recorded"}`}, []string{"blocks/11.json", "hash"}},
		{"time goes backwards", map[string]string{"chain.json": evmChain, "blocks/10.json": block10,
			"blocks/11.json": `{"number":11,"hash":"` + hash2 + `","timestamp":999,"timestampSource":"recorded"}`}, []string{"blocks/11.json", "timestamp"}},
		{"bad handle", map[string]string{"chain.json": `{"kind":"aptos","chainId":1,"handles":{"0x1":7}}`}, []string{"chain.json", "handles"}},
		{"no version", map[string]string{"chain.json": aptosChain, "transactions/5.json": `{"events":[]}`}, []string{"transactions/5.json", "version"}},
		{"same number twice", map[string]string{"chain.json": aptosChain, "transactions/5.json": event("5", "100", "3"), "transactions/6.json": event("6", "101", "3")}, []string{"transactions/6.json", "events"}},
		{"numbers against versions", map[string]string{"chain.json": aptosChain, "transactions/5.json": event("5", "100", "4"), "transactions/6.json": event("6", "101", "3")}, []string{"transactions/5.json", "events"}},
		{"version goes back in time", map[string]string{"chain.json": aptosChain, "transactions/5.json": event("5", "100", "3"), "transactions/6.json": event("6", "99", "4")}, []string{"transactions/6.json", "timestamp"}},
	} {
		files := fstest.MapFS{}
		for name, text := range tc.files {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		_, err := replay.Open(files)
		if !errors.Is(err, replay.ErrRecording) {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		for _, part := range tc.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not name %q", tc.name, err, part)
			}
		}
	}
	if _, err := replay.Open(os.DirFS(t.TempDir())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: %v", err)
	}
}

// A pruned ledger answers 410 below its oldest version.
func TestPrunedLedger(t *testing.T) {
	r, err := replay.Open(fstest.MapFS{
		"chain.json":          {Data: []byte(`{"kind":"aptos","chainId":1,"oldestVersion":4}`)},
		"transactions/5.json": {Data: []byte(`{"version":"5","timestamp":"100"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := replaytest.Serve(t, r)
	for version, want := range map[string]int{"3": 410, "4": 404, "5": 200} {
		var answer any
		if status, headers := get(t, n.URL()+"/transactions/by_version/"+version, &answer); status != want || headers.Get("X-Aptos-Ledger-Oldest-Version") != "4" {
			t.Errorf("version %s: %d", version, status)
		}
	}
}

// A node ends with its context, and closing it then is no error.
func TestNodeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n, err := replay.Serve(ctx, "127.0.0.1:0", open(t, "ethereum"))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for err == nil { // until nobody listens
		var res *http.Response
		if res, err = http.Get(n.URL()); err == nil {
			_ = res.Body.Close()
		}
	}
	if err := errors.Join(n.Close(), n.Close()); err != nil {
		t.Error(err)
	}
}

// Run takes the head to the end, step by step, and no further than its context.
func TestRun(t *testing.T) {
	n := replay.NewNode(open(t, "aptos"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	synctest.Test(t, func(t *testing.T) {
		start := n.Head()
		n.Run(ctx, time.Hour)
		if n.Head() != start {
			t.Errorf("head moved to %d after the context's end", n.Head())
		}
		n.Run(context.Background(), time.Hour)
		if n.Head() != n.End() {
			t.Errorf("head ended at %d, want %d", n.Head(), n.End())
		}
	})
}

// A page holds 25 events unless told otherwise, and never more than 100.
func TestPageSizes(t *testing.T) {
	files := fstest.MapFS{"chain.json": {Data: []byte(`{"kind":"aptos","chainId":1,"handles":{"0x1/0x1::m::Store/events":7}}`)}}
	for i := range 130 {
		files[fmt.Sprintf("transactions/%d.json", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, `{"version":"%d","timestamp":"100",
			"events":[{"guid":{"creation_number":"7","account_address":"0x01"},"sequence_number":"%d","type":"0x1::m::E","data":{}}]}`, i, i)}
	}
	r, err := replay.Open(files)
	if err != nil {
		t.Fatal(err)
	}
	n := replaytest.Serve(t, r)
	for query, want := range map[string]struct{ first, count int }{
		"":                    {105, 25},
		"?start=3":            {3, 25},
		"?start=3&limit=1000": {3, 100},
		"?limit=101":          {30, 100},
		"?start=129&limit=2":  {129, 1},
	} {
		got := sequences(t, n.URL()+"/accounts/0x0001/events/0x1::m::Store/events"+query)
		if len(got) != want.count || got[0] != int64(want.first) {
			t.Errorf("%q: %v, want %+v", query, got, want)
		}
	}
}
