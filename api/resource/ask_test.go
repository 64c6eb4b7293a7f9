package resource

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// post sends the body of a request to the owner of a chain.
func post(h http.Handler, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/requests", strings.NewReader(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// putStreams stores actors of the streams seaport/list and seaport/buy of the chain ethereum,
// and a dead letter, whose _id it returns.
func putStreams(t *testing.T, store persistence.Store) (letter string) {
	t.Helper()
	epoch, err := store.TakeOver(t.Context(), "ethereum", "node-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"list", "buy"} {
		_, err := store.Claim(t.Context(), persistence.Claim{
			ID: "ethereum/seaport/" + stream + "/subject", Kind: "subject", Chain: "ethereum", Market: "seaport", Stream: stream, Node: "node-1", Epoch: epoch,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	l := markets.DeadLetter{Chain: "ethereum", Market: "seaport", Stream: "list", Seq: 1, Position: markets.Position{Height: 1}, Block: "0x1", Raw: json.RawMessage(`{}`)}
	commit(t, store, "seaport", func(tx persistence.Tx) error { return tx.Append(nil, []markets.DeadLetter{l}) })
	return l.ID()
}

func TestRequestsAreStored(t *testing.T) {
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		letter := putStreams(t, store)
		queue := store.(persistence.RequestQueue)
		h := handler(Options{Data: querier{store}, Ask: func(ctx context.Context, r persistence.Request) error {
			return queue.Ask(ctx, []persistence.Request{r}, persistence.AskWithin)
		}})
		for _, body := range []string{
			`{"kind": "retry", "chain": "ethereum"}`,
			`{"kind": "retry", "chain": "ethereum", "market": "seaport"}`,
			`{"kind": "retry", "deadLetter": "` + letter + `"}`,
			`{"kind": "rewind", "chain": "ethereum", "height": 0, "dryRun": true}`,
			`{"kind": "rewind", "chain": "ethereum", "market": "seaport", "stream": "buy", "height": 17000000}`,
			`{"kind": "pause", "chain": "ethereum", "market": "seaport"}`,
			`{"kind": "resume", "chain": "ethereum", "market": "seaport", "stream": "list"}`,
			`{"kind": "redecode", "chain": "ethereum"}`,
			`{"kind": "redecode", "chain": "ethereum", "market": "seaport", "stream": "list", "height": 5}`,
		} {
			w := post(h, body)
			location := w.Header().Get("Location")
			if w.Code != http.StatusAccepted || !strings.HasPrefix(location, "/requests/") {
				t.Errorf("%s: %d %s", body, w.Code, w.Body)
				continue
			}
			stored := get(h, location)
			if stored.Body.String() != w.Body.String() {
				t.Errorf("answered %s, stored is %s", w.Body, stored.Body)
			}
			var sent, made persistence.Request
			for text, into := range map[string]*persistence.Request{body: &sent, stored.Body.String(): &made} {
				if err := json.Unmarshal([]byte(text), into); err != nil {
					t.Fatal(err)
				}
			}
			if sent.Height != nil && (made.Height == nil || *made.Height != *sent.Height) {
				t.Errorf("%s: height %v", body, made.Height)
			}
			if sent.Chain == "" {
				sent.Chain = "ethereum"
			}
			if made.State != persistence.RequestPending || made.Kind != sent.Kind || made.Subject() != sent.Subject() ||
				made.DeadLetter != sent.DeadLetter || made.DryRun != sent.DryRun || made.AskedBy != "API, 192.0.2.1" {
				t.Errorf("%s became %+v", body, made)
			}
		}
	})
}

func TestInvalidRequests(t *testing.T) {
	store := teststore.Embedded(t)
	letter := putStreams(t, store)
	h := handler(Options{Data: querier{store}, Ask: func(context.Context, persistence.Request) error {
		t.Error("an invalid request was stored")
		return nil
	}})
	for body, want := range map[string]string{
		``:                    "send a JSON object",
		`[]`:                  "send a JSON object",
		`{"kind": "pause"} x`: "send a JSON object",
		`{"kind": "pause", "chain": "ethereum", "markt": "seaport"}`:                        "did you mean market?",
		`{"kind": "pause", "chain": "ethereum", "height": "5"}`:                             "height is an integer",
		`{"kind": "pasue", "chain": "ethereum"}`:                                            "did you mean pause?",
		`{"kind": "drain", "chain": "ethereum"}`:                                            "known are retry, rewind, pause, resume, redecode",
		`{"kind": "status", "chain": "ethereum"}`:                                           "unknown kind",
		`{"chain": "ethereum"}`:                                                             "unknown kind",
		`{"kind": "retry"}`:                                                                 "name the chain",
		`{"kind": "retry", "chain": "etherium"}`:                                            `unknown chain "etherium" (did you mean ethereum?)`,
		`{"kind": "retry", "chain": "ethereum", "height": 5}`:                               "retry takes no height",
		`{"kind": "retry", "chain": "ethereum", "stream": "list"}`:                          "retry takes no stream",
		`{"kind": "retry", "chain": "aptos", "deadLetter": "` + letter + `"}`:               "does not belong to chain",
		`{"kind": "retry", "market": "seaport", "deadLetter": "` + letter + `"}`:            "either a market or one dead letter",
		`{"kind": "retry", "deadLetter": "ethereum/none"}`:                                  "GET /dead_letters lists them",
		`{"kind": "rewind", "chain": "ethereum"}`:                                           "needs a height",
		`{"kind": "rewind", "chain": "ethereum", "height": -1}`:                             "not negative",
		`{"kind": "rewind", "chain": "ethereum", "height": 1, "stream": "list"}`:            "name the market of the stream",
		`{"kind": "pause", "chain": "ethereum"}`:                                            "name the market",
		`{"kind": "pause", "chain": "ethereum", "market": "seaports"}`:                      "did you mean seaport?",
		`{"kind": "resume", "chain": "ethereum", "market": "seaport", "stream": "lists"}`:   "did you mean list?",
		`{"kind": "pause", "chain": "ethereum", "market": "seaport", "dryRun": true}`:       "pause takes no dryRun",
		`{"kind": "redecode", "chain": "ethereum", "market": "seaport"}`:                    "name one stream",
		`{"kind": "redecode", "chain": "ethereum", "height": 5}`:                            "name one stream",
		`{"kind": "redecode", "chain": "ethereum", "market": "seaport", "stream": "offer"}`: `known in market seaport are buy, list`,
	} {
		refused(t, post(h, body), http.StatusBadRequest, want)
	}
}

func TestRequestsWithoutAWorker(t *testing.T) {
	store := teststore.Embedded(t)
	putStreams(t, store)
	const body = `{"kind": "pause", "chain": "ethereum", "market": "seaport"}`
	for _, o := range []Options{
		{Data: querier{store}},
		{Data: querier{store}, Ask: func(context.Context, persistence.Request) error { return ErrNobody }},
	} {
		refused(t, post(handler(o), body), http.StatusServiceUnavailable, "no worker runs")
	}
	for _, r := range Routes(Options{Data: querier{store}}) {
		if changes := strings.HasPrefix(r.Pattern, "POST "); r.Changes != changes {
			t.Errorf("%s changes something: %t", r.Pattern, r.Changes)
		}
	}
}
