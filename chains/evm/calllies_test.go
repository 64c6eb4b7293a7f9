package evm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/calls"
	"github.com/imart/event-worker/chains/evm/internal/multicall"
	"github.com/imart/event-worker/chains/faults"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// askStore are calls whose answers are numbers in the store.
func askStore(n int) []chains.ContractCall {
	calls := make([]chains.ContractCall, n)
	for i := range calls {
		calls[i] = callOf(store)
	}
	return calls
}

// times is a number n times.
func times(number, n int) string {
	return strings.TrimSuffix(strings.Repeat(fmt.Sprint(number, " "), n), " ")
}

// says makes an answer an error.
func says(answer map[string]json.RawMessage, code int, message string) {
	delete(answer, "result")
	text, _ := json.Marshal(map[string]any{"code": code, "message": message})
	answer["error"] = text
}

// isAggregate says whether a call is one of Multicall3.
func isAggregate(method string, params json.RawMessage) bool {
	return method == "eth_call" && strings.Contains(string(params), fmt.Sprintf("%x", multicall.Address))
}

// withoutHashes is how nodes answer that do not know EIP-1898.
func withoutHashes(message string) func(string, json.RawMessage, map[string]json.RawMessage) {
	return func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
		if (method == "eth_call" || method == "eth_getCode") && strings.Contains(string(params), "blockHash") {
			says(answer, -32602, message)
		}
	}
}

// Nodes that do not take hashes are asked by number, and the block's hash is checked before
// and after.
func TestCallsByNumber(t *testing.T) {
	for _, contracts := range []bool{true, false} {
		for _, message := range []string{
			"bad block parameter",
			"invalid argument 1: hex string without 0x prefix",
		} {
			others := calledContracts
			g := startGeth(t, others)
			if contracts {
				g = startGeth(t, others, withMulticall(t))
			}
			g.keep(11)
			g.keep(22)
			p := startProxy(t, g.url)
			p.change(withoutHashes(message))
			chain := open(t, p.url)
			if got := asked(t, chain, g.place(1), askStore(3)...); got != times(11, 3) {
				t.Errorf("%s: %s", message, got)
			}
			p.counted()
			asked(t, chain, g.place(1), askStore(3)...)
			if blocks := p.counted()["eth_getBlockByNumber"]; blocks < 2 {
				t.Errorf("%d headers around calls by number", blocks)
			}
			away := g.place(2)
			g.fork(1)
			g.keep(33)
			if results, err := chain.Call(t.Context(), away, askStore(3)); !errors.Is(err, chains.ErrReorganised) {
				t.Errorf("of a block that is gone: %v, %v", results, err)
			}
		}
	}
}

// Between the answers of one Call the chain is reorganised.
func TestAReorganisationDuringACall(t *testing.T) {
	for name, test := range map[string]struct{ aggregated, byNumber bool }{
		"aggregated": {true, false}, "singly": {false, false}, "aggregated by number": {true, true}, "singly by number": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := startGeth(t, calledContracts)
			if test.aggregated {
				g = startGeth(t, calledContracts, withMulticall(t))
			}
			g.keep(11)
			g.keep(22)
			p := startProxy(t, g.url)
			chain := open(t, p.url, func(cfg *Config) { cfg.MaxBatch = 4 })
			if test.byNumber {
				chain.pool.All()[0].Limits.MarkMethodMissing("EIP-1898")
			}
			var forked atomic.Bool
			p.change(func(method string, _ json.RawMessage, _ map[string]json.RawMessage) {
				if method == "eth_call" && !forked.Swap(true) {
					g.fork(1)
					g.keep(33)
				}
			})
			at := g.place(2)
			results, err := chain.Call(t.Context(), at, askStore(600))
			if !errors.Is(err, chains.ErrReorganised) {
				t.Errorf("%d results, %v", len(results), err)
			}
			if got := asked(t, chain, g.place(2), askStore(2)...); got != times(33, 2) {
				t.Errorf("then %s", got)
			}
		})
	}
}

func TestCallsOutsideTheChain(t *testing.T) {
	g, other := startGeth(t, calledContracts), startGeth(t, calledContracts)
	g.keep(11)
	other.keep(22)
	other.mineBlocks(1)
	chain := open(t, g.url)
	if _, err := chain.Call(t.Context(), other.place(1), askStore(1)); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("another block: %v", err)
	}
	if _, err := chain.Call(t.Context(), other.place(2), askStore(1)); !errors.Is(err, chains.ErrAhead) {
		t.Errorf("a block that the node has not seen: %v", err)
	}
	if results, err := chain.Call(t.Context(), g.place(1), nil); err != nil || len(results) != 0 {
		t.Errorf("no calls: %v, %v", results, err)
	}
	if _, err := chain.Call(t.Context(), start, askStore(1)); err == nil {
		t.Error("before the first block")
	}
}

// Each refusal of state and of hashes that is known is understood.
func TestKnownRefusalsOfCalls(t *testing.T) {
	g := startGeth(t, calledContracts, withMulticall(t))
	g.keep(11)
	g.keep(22)
	for _, r := range faults.Refusals() {
		switch r.Cause {
		case "state":
			chain := open(t, behind(t, g.url, "[{fault: no-state, below: 2, keep: 0, words: "+r.Name+"}]"))
			if results, err := chain.Call(t.Context(), g.place(1), askStore(3)); !errors.Is(err, chains.ErrPruned) {
				t.Errorf("%s: %v, %v", r.Name, results, err)
			}
			if got := asked(t, chain, g.place(2), askStore(3)...); got != times(22, 3) {
				t.Errorf("%s: %s", r.Name, got)
			}
		case "hash":
			chain := open(t, behind(t, g.url, "[{fault: no-block-hash, words: "+r.Name+"}]"))
			if got := asked(t, chain, g.place(1), askStore(3)...); got != times(11, 3) {
				t.Errorf("%s: %s", r.Name, got)
			}
		}
	}
}

// A real node that no longer has the state of a block, and one that has.
func TestCallsOfPrunedState(t *testing.T) {
	g := startGeth(t, calledContracts, withMulticall(t))
	g.keep(11)
	at := g.place(1)
	p := startProxy(t, g.url)
	full := open(t, p.url)
	if got := asked(t, full, at, askStore(2)...); got != times(11, 2) {
		t.Fatal(got)
	}
	g.mineBlocks(300)
	if results, err := full.Call(t.Context(), at, askStore(2)); !errors.Is(err, chains.ErrPruned) || chains.Class(err) != endpoint.Pruned {
		t.Fatalf("%v, %v", results, err)
	}
	archive := startGeth(t, calledContracts, withMulticall(t))
	archive.keep(11)
	if archive.place(1) != at {
		t.Fatal("the nodes are of two chains")
	}
	both := open(t, p.url, func(cfg *Config) {
		cfg.Endpoints = append(cfg.Endpoints, chains.Endpoint{URL: archive.url, Priority: 1})
	})
	for range 2 {
		if got := asked(t, both, at, askStore(2)...); got != times(11, 2) {
			t.Error(got)
		}
		p.counted()
	}
	asked(t, both, at, askStore(2)...)
	if calls := p.counted(); len(calls) > 0 {
		t.Errorf("the endpoint without the state is asked first: %v", calls)
	}
	if status := both.Endpoints()[0]; status.State != chains.EndpointUp {
		t.Errorf("without old state the endpoint counts as %s", status.State)
	}
	if view := advance(t, both, nil, true); view.Head.Seq != 301 || p.counted()["eth_getBlockByNumber"] == 0 {
		t.Errorf("the endpoint without the state is no longer asked for the head: %+v", view.Head)
	}
	for priority := range 2 {
		down := open(t, p.url, func(cfg *Config) {
			cfg.Endpoints[0].Priority = 1 - priority
			cfg.Endpoints = append(cfg.Endpoints, chains.Endpoint{URL: "http://127.0.0.1:1", Priority: priority})
		})
		if _, err := down.Call(t.Context(), at, askStore(2)); err == nil || errors.Is(err, chains.ErrPruned) {
			t.Errorf("the other endpoint may have the state, but does not answer: %v", err)
		}
	}
}

// Erigon has answered with nothing where it had no state: where Multicall3 has long been
// deployed that is found out.
func TestNothingInsteadOfTheState(t *testing.T) {
	t.Parallel()
	g := startGeth(t, calledContracts, withMulticall(t))
	g.keep(11)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	asked(t, chain, g.place(1), askStore(2)...)
	g.mineBlocks(1030)
	p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
		if method == "eth_call" || method == "eth_getCode" {
			answer["result"] = json.RawMessage(`"0x"`)
		}
	})
	if results, err := chain.Call(t.Context(), g.place(1031), askStore(2)); !errors.Is(err, chains.ErrPruned) {
		t.Errorf("%v, %v", results, err)
	}
}

// What Multicall3 must not answer. The calls are then asked for one by one.
func TestAMulticallThatLies(t *testing.T) {
	word := func(n int) string { return fmt.Sprintf("%064x", n) }
	for name, result := range map[string]func(string) string{
		"nothing":       func(string) string { return "0x" },
		"a word":        func(string) string { return "0x" + word(32) },
		"no answers":    func(string) string { return "0x" + word(32) + word(0) },
		"2^31 answers":  func(string) string { return "0x" + word(32) + word(1<<31-1) },
		"cut off":       func(good string) string { return good[:len(good)-64] },
		"starts beyond": func(good string) string { return good[:2+2*64] + word(1<<30) + good[2+3*64:] },
		"other block": func(good string) string {
			return strings.ReplaceAll(strings.ReplaceAll(good, word(10), word(7)), word(1)+word(64)+word(32)+word(1), word(1)+word(64)+word(32)+word(5))
		},
		"a bool of 2":        func(good string) string { return strings.Replace(good, word(1)+word(64), word(2)+word(64), 1) },
		"not hexadecimal":    func(good string) string { return strings.Replace(good, word(11), strings.Repeat("zz", 32), 1) },
		"one answer too few": func(good string) string { return strings.Replace(good, word(32)+word(5), word(32)+word(4), 1) },
	} {
		t.Run(name, func(t *testing.T) {
			g := startGeth(t, calledContracts, withMulticall(t))
			g.keep(11)
			p := startProxy(t, g.url)
			lied := 0
			p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
				if !isAggregate(method, params) {
					return
				}
				var good string
				_ = json.Unmarshal(answer["result"], &good)
				bad, _ := json.Marshal(result(good))
				if bytes.Equal(bad, answer["result"]) {
					t.Fatalf("no lie: %s", bad)
				}
				answer["result"] = bad
				lied++
			})
			chain := open(t, p.url)
			for range 2 {
				if got := asked(t, chain, g.place(1), askStore(3)...); got != times(11, 3) {
					t.Error(got)
				}
			}
			if lied != 1 {
				t.Errorf("asked for %d aggregates", lied)
			}
		})
	}
}

// At the address of Multicall3 is another contract.
func TestAnotherContractInsteadOfMulticall(t *testing.T) {
	for address, code := range calledContracts {
		g := startGeth(t, calledContracts, map[common.Address][]byte{multicall.Address: code})
		g.keep(11)
		if got := asked(t, open(t, g.url), g.place(1), askStore(3)...); got != times(11, 3) {
			t.Errorf("%s: %s", address, got)
		}
	}
}

// rewriting passes requests on, changed.
func rewriting(t *testing.T, node string, change func(body string) (string, bool)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text, ok := change(string(body))
		if !ok { // never answered
			<-r.Context().Done()
			return
		}
		response, err := http.Post(node, "application/json", strings.NewReader(text))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		_, _ = io.Copy(w, response.Body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A node that does not read the parameter for the block answers for its head.
func TestANodeThatAnswersForAnotherBlock(t *testing.T) {
	for _, others := range []bool{true, false} {
		g := startGeth(t, calledContracts)
		if others {
			g = startGeth(t, calledContracts, withMulticall(t))
		}
		g.keep(11)
		g.keep(22)
		hashes := rewriting(t, g.url, func(body string) (string, bool) {
			for height := range int64(3) {
				named, _ := json.Marshal(map[string]any{"blockHash": g.place(height).Hash, "requireCanonical": true})
				body = strings.ReplaceAll(body, string(named), `"latest"`)
			}
			return body, true
		})
		if got := asked(t, open(t, hashes), g.place(1), askStore(3)...); got != times(11, 3) {
			t.Errorf("hashes are ignored: %s", got)
		}
		all := rewriting(t, g.url, func(body string) (string, bool) {
			for height := range int64(3) {
				named, _ := json.Marshal(map[string]any{"blockHash": g.place(height).Hash, "requireCanonical": true})
				body = strings.ReplaceAll(body, string(named), `"latest"`)
			}
			return strings.ReplaceAll(body, `},"0x1"]`, `},"latest"]`), true
		})
		if results, err := open(t, all).Call(t.Context(), g.place(1), askStore(3)); !errors.Is(err, calls.ErrOtherBlock) {
			t.Errorf("hashes and numbers are ignored: %v, %v", results, err)
		}
	}
}

// A contract cannot make its endpoint appear to fail.
func TestRevertsAreTheContracts(t *testing.T) {
	for _, words := range []string{
		"rate limit exceeded", "missing trie node", "header not found", "unauthorized", "batch too large", "invalid argument 1", "timeout", "out of gas",
	} {
		g := startGeth(t, calledContracts)
		g.keep(11)
		chain := open(t, g.url)
		if got := asked(t, chain, g.place(1), callOf(store), callOf(refuse, refusal(words)...), callOf(store)); got != "11 reverted 11" {
			t.Errorf("%s: %s", words, got)
		}
		status := chain.Endpoints()[0]
		if status.State != chains.EndpointUp || len(status.Errors) != 1 || status.Errors[endpoint.Reverted] != 1 {
			t.Errorf("%s: state %s, errors %v", words, status.State, status.Errors)
		}
	}
}

// The call that a node does not answer is found among others, however it fails.
func TestACallThatIsNotAnswered(t *testing.T) {
	t.Parallel()
	const hangs = `"0x05"`
	for name, answer := range map[string]func(map[string]json.RawMessage){
		"aborted":       func(answer map[string]json.RawMessage) { says(answer, -32000, "execution aborted (timeout = 5s)") },
		"vague":         func(answer map[string]json.RawMessage) { says(answer, -32603, "Internal error") },
		"never":         nil,
		"null":          func(answer map[string]json.RawMessage) { answer["result"] = json.RawMessage("null") },
		"a number":      func(answer map[string]json.RawMessage) { answer["result"] = json.RawMessage("11") },
		"one half byte": func(answer map[string]json.RawMessage) { answer["result"] = json.RawMessage(`"0x1"`) },
	} {
		t.Run(name, func(t *testing.T) {
			g := startGeth(t, calledContracts)
			g.keep(11)
			p := startProxy(t, g.url)
			p.change(func(method string, params json.RawMessage, a map[string]json.RawMessage) {
				if method == "eth_call" && strings.Contains(string(params), hangs) && answer != nil {
					answer(a)
				}
			})
			url := rewriting(t, p.url, func(body string) (string, bool) { return body, answer != nil || !strings.Contains(body, hangs) })
			hurry := func(cfg *Config) {
				if answer == nil {
					cfg.Timeout = time.Second
				}
			}
			chain := open(t, url, hurry)
			calls := askStore(7)
			calls[4].Data = []byte{5}
			if got, want := asked(t, chain, g.place(1), calls...), "11 11 11 11 unanswerable 11 11"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			both := open(t, url, func(cfg *Config) {
				cfg.Endpoints = append(cfg.Endpoints, chains.Endpoint{URL: g.url, Priority: 1})
				hurry(cfg)
			})
			if got, want := asked(t, both, g.place(1), calls...), "11 11 11 11 0x 11 11"; got != want {
				t.Errorf("with another endpoint: %s, want %s", got, want)
			}
		})
	}
}

// A node that answers no calls at all fails as a whole.
func TestANodeThatAnswersNoCalls(t *testing.T) {
	for name, message := range map[string]string{"vague": "Internal error", "aborted": "execution aborted (timeout = 5s)", "no method": "the method eth_call does not exist/is not available"} {
		g := startGeth(t, calledContracts)
		p := startProxy(t, g.url)
		p.change(func(method string, _ json.RawMessage, answer map[string]json.RawMessage) {
			if method == "eth_call" {
				says(answer, -32603, message)
			}
		})
		if results, err := open(t, p.url).Call(t.Context(), g.place(0), askStore(3)); err == nil {
			t.Errorf("%s: %v", name, results)
		}
	}
}

// Aggregates that are refused for their size are halved, and the size is remembered.
func TestAggregatesThatAreRefused(t *testing.T) {
	for name, message := range map[string]string{
		"gas": "out of gas", "reverted": "execution reverted", "size": "response size exceeded", "vague": "Internal error", "time": "execution aborted (timeout = 5s)",
	} {
		t.Run(name, func(t *testing.T) {
			g := startGeth(t, calledContracts, withMulticall(t))
			g.keep(11)
			p := startProxy(t, g.url)
			const most = 40
			refused := 0
			p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
				if isAggregate(method, params) && len(params) > 2*(most+2)*(32+multicall.Size(nil)) {
					refused++
					says(answer, -32000, message)
				}
			})
			chain := open(t, p.url)
			for range 4 {
				if got := asked(t, chain, g.place(1), askStore(300)...); got != times(11, 300) {
					t.Error(got)
				}
			}
			if refused == 0 || refused > 20 {
				t.Errorf("refused %d times", refused)
			}
			p.counted()
			asked(t, chain, g.place(1), askStore(300)...)
			if calls := p.counted()["eth_call"]; calls > 300/most*2 {
				t.Errorf("%d calls for 300", calls)
			}
		})
	}
}

// A node that refuses all aggregates is soon asked for calls one by one.
func TestNoAggregates(t *testing.T) {
	g := startGeth(t, calledContracts, withMulticall(t))
	g.keep(11)
	p := startProxy(t, g.url)
	refused := 0
	p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
		if isAggregate(method, params) {
			refused++
			says(answer, -32603, "Internal error")
		}
	})
	chain := open(t, p.url)
	for range 2 {
		if got := asked(t, chain, g.place(1), askStore(300)...); got != times(11, 300) {
			t.Error(got)
		}
	}
	if refused > 10 {
		t.Errorf("%d aggregates were asked for", refused)
	}
}

// That the block is gone, as another endpoint says, counts more than a call that is not
// answered.
func TestACallThatIsNotAnsweredOfABlockThatIsGone(t *testing.T) {
	g, other := startGeth(t, calledContracts), startGeth(t, calledContracts)
	g.keep(11)
	other.keep(22)
	p := startProxy(t, g.url)
	p.change(func(method string, params json.RawMessage, answer map[string]json.RawMessage) {
		if method == "eth_call" && strings.Contains(string(params), `"0x05"`) {
			says(answer, -32603, "Internal error")
		}
	})
	chain := open(t, p.url, func(cfg *Config) {
		cfg.Endpoints = append(cfg.Endpoints, chains.Endpoint{URL: other.url, Priority: 1})
	})
	if results, err := chain.Call(t.Context(), g.place(1), []chains.ContractCall{callOf(store), callOf(store, 5)}); !errors.Is(err, chains.ErrReorganised) {
		t.Errorf("%v, %v", results, err)
	}
}
