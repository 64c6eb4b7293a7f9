package aptos

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/rawdata"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/markets"
)

// busy is a ledger with a module event in each transaction.
func busy(transactions int) [][]string {
	out := make([][]string, transactions)
	for i := range out {
		out[i] = []string{""}
	}
	return out
}

// Whatever is wrong with the stream, the REST API gives the events, the reason is
// counted, and logged once.
func TestAStreamThatFailsIsReplaced(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(l *ledger)
		class  string
		reason string
	}{
		"down":         {func(l *ledger) { l.refuse = status.Error(codes.Unavailable, "back \x1b[31mlater\n"+token) }, "transport", "back  [31mlater ***"},
		"unauthorised": {func(l *ledger) { l.refuse = status.Error(codes.Unauthenticated, "key "+token) }, "unauthorized", "key ***"},
		"rate":         {func(l *ledger) { l.refuse = status.Error(codes.ResourceExhausted, "slow down") }, "rate_limited", "slow down"},
		"other chain":  {func(l *ledger) { l.otherChain = true }, "wrong_chain", "chain id is 8"},
		"gap": {func(l *ledger) {
			l.lieStream = func(t *rawdata.Transaction) {
				if t.Version == 57 {
					t.Version++
				}
			}
		}, "gap", "in place of version 57"},
		"no hash": {func(l *ledger) { l.lieStream = func(t *rawdata.Transaction) { t.Hash = t.Hash[:31] } }, "gap", "in place of version"},
		"bad type": {func(l *ledger) {
			l.lieStream = func(t *rawdata.Transaction) { t.Events[0].Type = []byte("x::market::Module") }
		}, "other", "x"},
		"bad data": {func(l *ledger) { l.lieStream = func(t *rawdata.Transaction) { t.Events[0].Data = []byte("{") } }, "other", "data of event 0"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			l := startLedger(t)
			l.log = slog.New(slog.NewTextHandler(&log, nil))
			chain := l.stream(t)
			l.reset(busy(300))
			l.top = 299
			c.spoil(l)
			raws, to := chaintest.Drain(t.Context(), t, chain, chains.NewLedger(299), byModule, markets.Place{Seq: -1}, -1, 50)
			if len(raws) != 300 || to.Seq != 299 {
				t.Errorf("%d events to %+v", len(raws), to)
			}
			told := chain.stream.status()
			if told.Errors[c.class] == 0 || !strings.Contains(told.LastError, c.reason) || told.State == chains.EndpointUp {
				t.Errorf("status %+v", told)
			}
			if n := strings.Count(log.String(), "the transaction stream failed"); n != 1 || strings.Contains(log.String(), token) {
				t.Errorf("logged %d times: %s", n, log.String())
			}
			if l.asked["v1"] == 0 {
				t.Errorf("requests %v", l.asked)
			}
		})
	}
}

// A stream that is well again is read again, and both are logged once.
func TestAStreamComesBack(t *testing.T) {
	var log bytes.Buffer
	l := startLedger(t)
	l.log = slog.New(slog.NewTextHandler(&log, nil))
	chain := l.stream(t)
	l.reset(busy(500))
	l.top, l.refuse = 499, status.Error(codes.Unavailable, "away")
	read := func(first int64) {
		t.Helper()
		raws, to := chaintest.Drain(t.Context(), t, chain, chains.NewLedger(499), byModule, markets.Place{Seq: first - 1}, first+49, 50)
		if len(raws) != 50 {
			t.Errorf("%d events to %+v", len(raws), to)
		}
	}
	again := func() { chain.stream.health.avoidUntil = chain.stream.health.avoidUntil.Add(-maxStreamBackoff) }
	read(0)
	read(100)
	if l.asked["stream"] != 1 || l.asked["v1"] != 2 {
		t.Errorf("requests %v", l.asked)
	}
	again()
	read(400)
	if l.asked["stream"] != 2 || strings.Count(log.String(), "stream failed") != 1 {
		t.Errorf("requests %v, log %s", l.asked, log.String())
	}
	l.set(func() { l.refuse = nil })
	again()
	read(200)
	read(300)
	if l.asked["v1"] != 3 {
		t.Errorf("requests %v", l.asked)
	}
	if told := chain.stream.status(); told.State != chains.EndpointUp || strings.Count(log.String(), "is back") != 1 {
		t.Errorf("%+v, log %s", told, log.String())
	}
}

// Of a fast server no more is read than somewhat ahead of what is asked for, and what
// was passed is forgotten.
func TestAFlowIsReadOnlyALittleAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &session{changed: make(chan struct{}), pages: map[int64]*ledgerPage{}}
		added := 0
		ctx, end := context.WithCancel(t.Context())
		go func() {
			for number := int64(0); f.add(ctx, &ledgerPage{first: number * pageSize, last: (number+1)*pageSize - 1}) == nil; number++ {
				added++
			}
		}()
		for _, want := range []int64{0, 500, 5000, 5001} {
			if _, err := f.page(ctx, want/pageSize, want, false); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if most := int(want+sessionAhead)/pageSize + 1; added < most-1 || added > most {
				t.Errorf("%d pages are read, version %d is asked for", added, want)
			}
			if len(f.pages) > 2*pagesRead+2 {
				t.Errorf("%d pages are kept", len(f.pages))
			}
		}
		end()
		synctest.Wait()
	})
}

// Streams of a chain share a flow, which gives a long history without a further request.
func TestALongHistoryIsOneFlow(t *testing.T) {
	l := startLedger(t)
	chain := l.stream(t)
	l.reset(busy(10_000))
	l.top, l.batch = 9_999, 100
	raws, to := chaintest.Drain(t.Context(), t, chain, chains.NewLedger(9_999), byModule, markets.Place{Seq: -1}, -1, 2000)
	if len(raws) != 10_000 || to.Seq != 9_999 || l.asked["stream"] != 1 || l.asked["v1"] != 0 {
		t.Errorf("%d events to %+v, requests %v", len(raws), to, l.asked)
	}
}

// History that the node has pruned comes over the stream.
func TestPrunedTransactionsComeOverTheStream(t *testing.T) {
	l := startLedger(t)
	chain := l.stream(t)
	l.reset(append(make([][]string, 5), []string{"list"}))
	l.top = 5
	l.lie = func(path string, body []byte) (int, []byte) { return answering(path, body, "by_version", 410) }
	raws, _ := chaintest.Drain(t.Context(), t, chain, chains.NewLedger(5), source("list"), markets.Place{Seq: -1}, -1, 10)
	if len(raws) != 1 || raws[0].Position.Height != 5 {
		t.Errorf("read %+v", raws)
	}
}

func TestStreamsOfBadURLs(t *testing.T) {
	for _, url := range []string{"http://host:1", "host:1", "grpc://", "grpc://u:" + token + "@host", "https://host/" + token, "grpc://host?key=" + token, "%"} {
		if _, err := New(Config{Endpoints: []chains.Endpoint{{URL: "http://127.0.0.1"}}, ChainID: 1, Stream: url}); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
