package chains_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/aptos"
	"github.com/imart/event-worker/chains/evm"
)

// What an endpoint can do wrong, done by one, and the class that it is counted in.
func TestClassesOfEndpoints(t *testing.T) {
	says := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
	}
	fails := func(code int, message string) http.HandlerFunc {
		return says(http.StatusOK, fmt.Sprintf(`{"jsonrpc":"2.0","id":0,"error":{"code":%d,"message":%q}}`, code, message))
	}
	breaksOff := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "{")
	}
	hangsUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"hangs up", hangsUp, "transport"},
		{"breaks off", breaksOff, "transport"},
		{"429", says(http.StatusTooManyRequests, ""), "rate_limited"},
		{"413", says(http.StatusRequestEntityTooLarge, ""), "answer_too_large"},
		{"more than is read", says(http.StatusOK, fmt.Sprintf("%2000d", 1)), "answer_too_large"},
		{"401", says(http.StatusUnauthorized, ""), "unauthorized"},
		{"403", says(http.StatusForbidden, ""), "unauthorized"},
		{"410", says(http.StatusGone, ""), "pruned"},
		{"404", says(http.StatusNotFound, ""), "http_4xx"},
		{"502", says(http.StatusBadGateway, ""), "http_5xx"},
		{"redirects", says(http.StatusFound, ""), "other"},
		{"not JSON", says(http.StatusOK, "<html>"), "malformed"},
		{"a rate", fails(-32005, "50/second request limit reached - reduce calls per second"), "rate_limited"},
		{"a range", fails(-32005, "query returned more than 10000 results"), "too_many_results"},
		{"no method", fails(-32601, "the method does not exist"), "missing_method"},
		{"another chain", says(http.StatusOK, `{"jsonrpc":"2.0","id":0,"result":"0x2"}`), "wrong_chain"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := open(t, test.handler, time.Minute).Advance(t.Context(), nil)
			if got := chains.Class(err); err == nil || got != test.want {
				t.Errorf("%v is %q, want %q", err, got, test.want)
			}
		})
	}
}

// open makes a chain of an endpoint.
func open(t *testing.T, handler http.HandlerFunc, timeout time.Duration) chains.Chain {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	chain, err := evm.New(evm.Config{Endpoints: []chains.Endpoint{{URL: server.URL}}, ChainID: 1, Timeout: timeout, MaxAnswer: 1000, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
	return chain
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	chain, err := aptos.New(aptos.Config{Endpoints: []chains.Endpoint{{URL: server.URL}}, ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	if _, err := chain.Advance(t.Context(), nil); chains.Class(err) != "transport" {
		t.Errorf("%v is %q", err, chains.Class(err))
	}
}

// hangs never answers. The server notices that the client has gone when the request
// is read.
func hangs(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestAnEndpointHangs(t *testing.T) {
	if _, err := open(t, hangs, 10*time.Millisecond).Advance(t.Context(), nil); chains.Class(err) != "timeout" {
		t.Errorf("%v is %q", err, chains.Class(err))
	}
}

// Whoever no longer waits for an answer has met no error of the endpoint; who waits
// no longer than a deadline has.
func TestClassOfAnEndedCall(t *testing.T) {
	chain := open(t, hangs, time.Minute)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := chain.Advance(cancelled, nil); err == nil || chains.Class(err) != "" {
		t.Errorf("%v is %q", err, chains.Class(err))
	}
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if _, err := chain.Advance(late, nil); chains.Class(err) != "timeout" {
		t.Errorf("%v is %q", err, chains.Class(err))
	}
}

func TestClassesOfErrors(t *testing.T) {
	seen := fmt.Errorf("%w: 404", chains.ErrAhead)
	for err, want := range map[error]string{
		nil:                   "",
		seen:                  "ahead",
		chains.ErrReorganised: "reorganised",
		chains.ErrGap:         "gap",
		chains.ErrWaits:       "",
		errors.New("else"):    "other",
	} {
		if got := chains.Class(err); got != want || want != "" && !slices.Contains(chains.Classes, got) {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}
