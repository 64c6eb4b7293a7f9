package replay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/imart/event-worker/chains/replay"
)

// Whatever a recording's files are: they are refused by their names, or served.
func FuzzOpen(f *testing.F) {
	f.Add(evmChain, block10)
	f.Add(`{"kind":"aptos","chainId":1,"handles":{"0x1/0x1::m::Store/events":7}}`, `{"version":"5","timestamp":"1","events":[]}`)
	for chain, items := range map[string]string{"ethereum": "blocks/*.json", "aptos": "transactions/*.json"} {
		files, err := filepath.Glob(recordings + chain + "/" + items)
		if err != nil || len(files) == 0 {
			f.Fatal(len(files), err)
		}
		f.Add(read(f, recordings+chain+"/chain.json"), read(f, files[0]))
	}
	f.Fuzz(func(t *testing.T, chain, item string) {
		r, err := replay.Open(fstest.MapFS{
			"chain.json": {Data: []byte(chain)}, "blocks/1.json": {Data: []byte(item)}, "transactions/1.json": {Data: []byte(item)},
		})
		if err != nil {
			if !errors.Is(err, replay.ErrRecording) {
				t.Fatal(err)
			}
			return
		}
		n := replay.NewNode(r)
		for range 3 {
			n.Step()
		}
		answerRPC(t, n, `[{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["latest",true]},{"jsonrpc":"2.0","id":2,"method":"eth_getLogs","params":[{}]}]`)
		answerREST(t, n, "/v1/transactions?limit=3")
	})
}

// Whatever a client asks the node of an EVM chain, the answer is one of JSON-RPC.
func FuzzJSONRPC(f *testing.F) {
	n := replay.NewNode(open(f, "ethereum"))
	n.Finish()
	for _, call := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x1","toBlock":"0x1000","topics":[null,["0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31"]]}]}`,
		`[{"jsonrpc":"2.0","id":"a","method":"eth_getBlockByNumber","params":["finalized",false]},{"jsonrpc":"2.0","method":"eth_chainId"}]`,
		`{"jsonrpc":"2.0","id":1,"method":"eth_getBlockReceipts","params":[{"blockHash":"0x1111111111111111111111111111111111111111111111111111111111111111"}]}`,
		`[]`, `[1]`, `{`, "",
	} {
		f.Add(call)
	}
	f.Fuzz(func(t *testing.T, body string) { answerRPC(t, n, body) })
}

// Whatever a client asks the node of Aptos, the answer is JSON.
func FuzzREST(f *testing.F) {
	n := replay.NewNode(open(f, "aptos"))
	n.Finish()
	for _, path := range []string{
		"/v1", "/v1/transactions?start=18446744073709551615&limit=100", "/v1/transactions/by_version/1", "/v1/accounts/0x1/events/0x1::m::S/f?start=0&limit=-1", "/v1/accounts/0x1/resource/a",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) { answerREST(t, n, path) })
}

func read(f *testing.F, file string) string {
	f.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	return string(text)
}

func answerRPC(t *testing.T, n *replay.Node, body string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	answer := answered(t, n, r)
	if len(answer) > 0 && !json.Valid(answer) {
		t.Fatalf("%q is answered with %.300q", body, answer)
	}
}

func answerREST(t *testing.T, n *replay.Node, path string) {
	t.Helper()
	u, err := url.ParseRequestURI(path)
	if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") {
		return // net/http's server refuses it
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL, r.RequestURI = u, path
	if answer := answered(t, n, r); bytes.HasPrefix(answer, []byte("{")) && !json.Valid(answer) {
		t.Fatalf("%q is answered with %.300q", path, answer)
	}
}

func answered(t *testing.T, n *replay.Node, r *http.Request) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	n.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code >= 500 {
		t.Fatalf("%d, %v", w.Code, err)
	}
	return body
}
