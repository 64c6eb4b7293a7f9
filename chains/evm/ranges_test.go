package evm

import (
	"errors"
	"net/http"
	"testing"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

func TestRangesLearn(t *testing.T) {
	const limit = 100
	type answer struct {
		events  int
		refused bool
	}
	tests := map[string]struct {
		answers []answer
		want    []int64 // blocks asked for
	}{
		"sparse: doubled up to the most": {[]answer{{0, false}, {3, false}, {0, false}, {0, false}}, []int64{1000, 2000, 4000, 5000, 5000}},
		"about right: kept":              {[]answer{{70, false}, {100, false}}, []int64{1000, 1000, 1000}},
		"dense: as many as hold limit":   {[]answer{{1000, false}, {90, false}}, []int64{1000, 100, 100}},
		"very dense: one block at least": {[]answer{{1_000_000, false}}, []int64{1000, 1}},
		"refused: halved":                {[]answer{{0, true}, {0, true}}, []int64{1000, 500, 250}},
		"what was refused is not tried at once": {
			[]answer{{0, false}, {0, true}, {0, false}, {0, false}}, []int64{1000, 2000, 1000, 1000, 1000},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := ranges{most: 5000}
			for i, want := range test.want {
				if got := r.next("stream"); got != want {
					t.Fatalf("question %d: %d blocks, want %v", i, got, test.want)
				}
				if i == len(test.answers) {
					return
				}
				if a := test.answers[i]; a.refused {
					r.tooMany("stream", want)
				} else {
					r.answered("stream", want, a.events, limit)
				}
			}
		})
	}
}

// What was refused once may be fine later, and is tried again.
func TestRangesGrowAgain(t *testing.T) {
	r := ranges{most: 100_000}
	r.tooMany("stream", 2000)
	for range 2 * patience {
		r.answered("stream", r.next("stream"), 0, 100)
	}
	if got := r.next("stream"); got != 100_000 {
		t.Errorf("still %d blocks", got)
	}
	if got := r.next("another"); got != firstSpan {
		t.Errorf("another stream begins with %d blocks", got)
	}
}

// A range cut short by the head or by finality says nothing about longer ones.
func TestAShortRangeTeachesNothing(t *testing.T) {
	r := ranges{most: 100_000}
	r.answered("stream", 1, 0, 100)
	if got := r.next("stream"); got != firstSpan {
		t.Errorf("%d blocks", got)
	}
	small := ranges{most: 10}
	if got := small.next("stream"); got != 10 {
		t.Errorf("%d blocks of 10 at most", got)
	}
}

func TestRefusals(t *testing.T) {
	said := func(code int64, message string) error { return &rpcError{code, message} }
	status := func(code int, text string) error { return &endpoint.StatusError{Status: code, Text: text} }
	tests := []struct {
		err  error
		want bool
	}{
		// As geth, Alchemy, Infura, QuickNode, Ankr, Erigon and public nodes say it.
		{said(-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2]."), true},
		{said(-32602, "Log response size exceeded. this block range should work: [0x1, 0x2]"), true},
		{said(-32000, "block range is too wide"), true},
		{said(-32000, "exceed maximum block range: 50000"), true},
		{said(-32614, "eth_getLogs is limited to a 10,000 range"), true},
		{said(-32602, "eth_getLogs and eth_newFilter are limited to a 5 blocks range"), true},
		{said(-32005, "limit exceeded"), true},
		{said(-32000, "logs matched by query exceeds limit of 10000"), true},
		{said(-32602, "query exceeds max results 20000"), true},
		{said(-32000, "response too large"), true},
		{status(http.StatusRequestEntityTooLarge, ""), true},
		{status(http.StatusServiceUnavailable, ""), true},
		{status(http.StatusBadRequest, "block range too large"), true},
		{endpoint.ErrTooLarge, true},
		{endpoint.ErrTimeout, true},

		{said(-32005, "daily request count exceeded, request rate limited"), false},
		{said(429, "Too Many Requests"), false},
		{said(-32007, "50/second request limit reached - reduce calls per second"), false},
		{said(-32000, "header not found"), false},
		{said(-32601, "the method eth_getLogs does not exist"), false},
		{status(http.StatusTooManyRequests, "too many"), false},
		{status(http.StatusUnauthorized, ""), false},
		{status(http.StatusBadRequest, "invalid request"), false},
		{errors.New("connection refused"), false},
	}
	for _, test := range tests {
		if got := isTooMany(test.err); got != test.want {
			t.Errorf("%v: %v, want %v", test.err, got, test.want)
		}
	}
}
