package page_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// With hundreds of chains the overview is a table of limited size that can be searched by
// name. A single chain is shown in full.
func TestManyChains(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	store := manyChains(t, 200)
	at := serve(t, store, "")
	shows(t, at+"/", ">chain-007</a>", ">chain-199</a>", "<dd>200</dd>", "<dd>600</dd>")
	began := time.Now()
	_, body, _ := ask(t, http.MethodGet, at+"/", "", nil)
	t.Logf("%d bytes in %s", len(body), time.Since(began))
	if len(body) > 1<<20 {
		t.Errorf("the overview has %d bytes", len(body))
	}
	if first := strings.Index(body, ">chain-123</a>"); first < 0 || first > strings.Index(body, ">chain-000</a>") {
		t.Error("the failing chain is not the first one")
	}

	b := browse(t, at, "")
	for _, width := range []int64{1280, 360} {
		b.size(width, 740)
		b.open("/")
		if wide := eval[string](b, tooWide); wide != "" {
			t.Errorf("at %d px: %s", width, wide)
		}
	}
	eval[string](b, `document.querySelector('#named').value = 'chain-04'`)
	read := b.text(".foot")
	b.until(`document.querySelector('.foot').innerText !== '` + read + `'`)
	if kept := eval[string](b, `document.querySelector('#named').value`); kept != "chain-04" {
		t.Errorf("the entered name becomes %q", kept)
	}
	b.click(".search button")
	b.until(`document.querySelectorAll('.list tbody tr').length === 10`)
	b.click(".list .first a")
	b.until(`location.search === '?chain=chain-040' && document.querySelectorAll('.tree').length === 1`)
	if text := eval[string](b, `document.querySelector('main').textContent`); !strings.Contains(text, "chain-040") || strings.Contains(text, "chain-041") || !strings.Contains(text, "stream-2") {
		t.Errorf("the chain: %s", text)
	}
	b.open("/?chain=nothing")
	if text := b.text("main"); !strings.Contains(text, "No chain matches this name.") {
		t.Errorf("for an unknown name: %s", text)
	}
}

// manyChains returns a store of n chains with three streams each. One chain fails.
func manyChains(t *testing.T, n int) persistence.Store {
	t.Helper()
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	for i := range n {
		chain := fmt.Sprintf("chain-%03d", i)
		epoch, err := store.TakeOver(t.Context(), chain, "node")
		if err != nil {
			t.Fatal(err)
		}
		market := chain + "/market"
		claims := []persistence.Claim{{ID: chain, Kind: "chain"}, {ID: chain + "/head", Kind: "head"}, {ID: market, Kind: "market", Market: "market"}}
		for s := range 3 {
			stream := fmt.Sprint("stream-", s)
			claims = append(claims,
				persistence.Claim{ID: market + "/" + stream + "/subject", Kind: "subject", Market: "market", Stream: stream},
				persistence.Claim{ID: market + "/" + stream + "/activity", Kind: "observer", Market: "market", Stream: stream, Start: markets.Place{Seq: 1}},
			)
		}
		for _, c := range claims {
			c.Chain, c.Node, c.Epoch = chain, "node", epoch
			actor, err := store.Claim(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if i == 123 && c.Kind == "head" {
				err := store.Report(t.Context(), actor.Ref(), persistence.Report{Status: persistence.Retrying, LastError: "it is away"})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return store
}
