package aptos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/markets"
)

func source(field string) markets.Source {
	return markets.Source{Account: account, Handle: account + "::market::Store", Field: field}
}

// spot is where an event of a made-up ledger stands.
type spot struct{ version, index int64 }

// plain is a handle's events as the ledger was made, not as it is served.
func plain(ledger [][]string, field string) []spot {
	var spots []spot
	for version, fields := range ledger {
		for index, f := range fields {
			if f == field {
				spots = append(spots, spot{int64(version), int64(index)})
			}
		}
	}
	return spots
}

// Whatever the pages, the limits and the growth of the ledger, and however handles
// share transactions: what is read is the plain list, no place says that a handle
// holds nothing more where it does, and at the end every place is at the ledger's
// version.
func TestReadIsThePlainListAndEveryPlaceIsTrue(t *testing.T) {
	t.Run("REST", func(t *testing.T) {
		l := startLedger(t)
		readHandles(t, l, l.chain)
	})
	t.Run("stream", func(t *testing.T) {
		l := startLedger(t)
		readHandles(t, l, l.stream(t))
		if status := l.streaming.stream.status(); status.LastError != "" {
			t.Errorf("the stream failed: %+v", status)
		}
	})
}

func readHandles(t *testing.T, l *ledger, chain *Chain) {
	rapid.Check(t, func(t *rapid.T) {
		transaction := rapid.SliceOfN(rapid.SampledFrom([]string{"list", "buy", ""}), 0, 4)
		ledger := rapid.SliceOfN(transaction, 1, 12).Draw(t, "ledger")
		l.reset(ledger)
		last := int64(len(ledger)) - 1
		l.set(func() { l.maxPage = rapid.SampledFrom([]int{100, 100, 1, 2, 3}).Draw(t, "page") })
		places := map[string]markets.Place{}
		read := map[string][]markets.Raw{}
		for _, field := range fields {
			places[field] = markets.Place{Seq: -1}
		}
		step := func(field string, through int64, limit int) bool {
			before := places[field]
			page, err := chain.Read(context.Background(), chains.NewLedger(l.top), source(field), before, through, limit)
			if err != nil {
				t.Fatalf("read %s behind %+v: %v", field, before, err)
			}
			chaintest.CheckPage(t, page, before, through)
			read[field] = append(read[field], page.Raws...)
			places[field] = page.To
			for seq, at := range plain(ledger, field) {
				if at.version <= page.To.Through && page.To.Through > 0 && int64(seq) > page.To.Seq {
					t.Fatalf("place %+v passes over event %d of version %d", page.To, seq, at.version)
				}
			}
			return page.To != before
		}
		t.Repeat(map[string]func(*rapid.T){
			"grow": func(t *rapid.T) { l.set(func() { l.top = min(l.top+1, last) }) },
			"other page size": func(t *rapid.T) {
				l.set(func() { l.maxPage = rapid.SampledFrom([]int{100, 1, 2, 3}).Draw(t, "page") })
			},
			"read": func(t *rapid.T) {
				field := rapid.SampledFrom(fields).Draw(t, "field")
				through := rapid.Int64Range(-1, 8).Draw(t, "through")
				step(field, through, rapid.IntRange(1, 4).Draw(t, "limit"))
			},
		})
		l.set(func() { l.top = last })
		for _, field := range fields {
			for step(field, -1, 3) {
			}
			if place := places[field]; place.Through != last {
				t.Fatalf("%s ends at %+v, the ledger at %d", field, place, last)
			}
			checkRaws(t, read[field], plain(ledger, field))
		}
	})
}

func checkRaws(t *rapid.T, raws []markets.Raw, want []spot) {
	if len(raws) != len(want) {
		t.Fatalf("%d events read of %d", len(raws), len(want))
	}
	for seq, raw := range raws {
		at := want[seq]
		if raw.Seq != int64(seq) || raw.Position != (markets.Position{Height: at.version, Log: int32(at.index)}) {
			t.Fatalf("event %d read as %d at %+v instead of %+v", seq, raw.Seq, raw.Position, at)
		}
		if want := fmt.Sprintf(`{"index":%d,"version":%d}`, at.index, at.version); string(raw.JSON) != want {
			t.Fatalf("event %d has the data %s instead of %s", seq, raw.JSON, want)
		}
		if raw.Transaction != fmt.Sprintf("0x%064x", at.version) || raw.Time.UnixMicro() != 1_700_000_000_000_000+at.version {
			t.Fatalf("event %d is of transaction %s at %s", seq, raw.Transaction, raw.Time)
		}
		if raw.Type != "0x"+strings.Repeat("0", 61)+"abc::market::Event" || raw.Ledger.Version != at.version {
			t.Fatalf("event %d is a %s of version %d", seq, raw.Type, raw.Ledger.Version)
		}
	}
}

func TestASharedTransactionIsAskedForOnce(t *testing.T) {
	l := startLedger(t)
	l.reset([][]string{{}, {"list", "buy", "list"}, {"buy"}})
	l.top = 2
	for _, field := range fields {
		chaintest.Drain(t.Context(), t, l.chain, chains.NewLedger(2), source(field), markets.Place{Seq: -1}, -1, 1)
	}
	if n := l.asked["by_version"] + l.asked["v1"]; n != 2 {
		t.Errorf("%d requests for 2 transactions", n)
	}
}

func TestALimitOverThePageSizeOfNodesIsCutToIt(t *testing.T) {
	l := startLedger(t)
	l.reset([][]string{{}, slices.Repeat([]string{"list"}, 150)})
	l.top = 1
	page, err := l.chain.Read(t.Context(), chains.NewLedger(1), source("list"), markets.Place{Seq: -1}, -1, 1000)
	if err != nil || len(page.Raws) != 100 || page.To != (markets.Place{Seq: 99, Through: 0}) {
		t.Errorf("%d events to %+v, %v", len(page.Raws), page.To, err)
	}
}

// through is a number: the place after it tells how far the handle is known to
// hold nothing more up to it.
func TestThroughSplitsAPage(t *testing.T) {
	l := startLedger(t)
	l.reset([][]string{{}, {"list"}, {"list", "list"}, {}, {"list"}, {}})
	l.top = 5
	tests := []struct {
		after   markets.Place
		through int64
		want    markets.Place
		events  int
	}{
		{markets.Place{Seq: -1}, -1, markets.Place{Seq: 3, Through: 3}, 4}, // there may be more
		{markets.Place{Seq: 3, Through: 3}, -1, markets.Place{Seq: 3, Through: 5}, 0},
		{markets.Place{Seq: -1}, 0, markets.Place{Seq: 0, Through: 1}, 1},
		{markets.Place{Seq: -1}, 1, markets.Place{Seq: 1, Through: 1}, 2}, // the third is of the same version
		{markets.Place{Seq: -1}, 2, markets.Place{Seq: 2, Through: 3}, 3},
		{markets.Place{Seq: 2, Through: 2}, 2, markets.Place{Seq: 2, Through: 3}, 0},
		{markets.Place{Seq: 2, Through: 3}, 2, markets.Place{Seq: 2, Through: 3}, 0},
		{markets.Place{Seq: 2, Through: 3}, 1, markets.Place{Seq: 2, Through: 3}, 0},
		{markets.Place{Seq: 3, Through: 4}, 3, markets.Place{Seq: 3, Through: 5}, 0},
	}
	for _, test := range tests {
		page, err := l.chain.Read(t.Context(), chains.NewLedger(5), source("list"), test.after, test.through, 100)
		if err != nil || page.To != test.want || len(page.Raws) != test.events {
			t.Errorf("from %+v through %d: %d events to %+v, %v; want %d to %+v", test.after, test.through, len(page.Raws), page.To, err, test.events, test.want)
		}
	}
}

func TestAnswersThatCannotBe(t *testing.T) {
	replace := func(path, old, new string) func(string, []byte) (int, []byte) {
		return func(at string, body []byte) (int, []byte) {
			if !strings.Contains(at, path) {
				return http.StatusOK, body
			}
			return http.StatusOK, []byte(strings.Replace(string(body), old, new, 1))
		}
	}
	tests := map[string]struct {
		lie  func(path string, body []byte) (int, []byte)
		want error  // if it has a name
		text string // of the error
	}{
		"gap":             {replace("events", `"sequence_number":"1"`, `"sequence_number":"2"`), chains.ErrGap, "event 2 follows 0"},
		"first missing":   {replace("events", `"sequence_number":"0"`, `"sequence_number":"1"`), chains.ErrGap, "event 1 follows -1"},
		"twice":           {replace("events", `"sequence_number":"1"`, `"sequence_number":"0"`), chains.ErrGap, "event 0 follows 0"},
		"future version":  {replace("events", `"version":"40"`, `"version":"90"`), nil, "not between"},
		"version back":    {replace("events", `"version":"40"`, `"version":"0"`), nil, "not between"},
		"other handle":    {replace("events", `"creation_number":"10"`, `"creation_number":"11"`), nil, "transaction lacks it"},
		"no transaction":  {func(p string, b []byte) (int, []byte) { return answering(p, b, "by_version", http.StatusNotFound) }, chains.ErrAhead, "404"},
		"pruned":          {func(p string, b []byte) (int, []byte) { return answering(p, b, "by_version", http.StatusGone) }, chains.ErrPruned, "410"},
		"other version":   {replace("by_version", `"version":"1"`, `"version":"7"`), nil, "answered with version 7"},
		"negative number": {replace("events", `"sequence_number":"0"`, `"sequence_number":"-1"`), nil, "events"},
		"huge number":     {replace("events", `"sequence_number":"0"`, `"sequence_number":"18446744073709551615"`), nil, "too large"},
		"order": {func(p string, b []byte) (int, []byte) {
			if strings.Contains(p, "by_version") {
				return http.StatusOK, []byte(strings.NewReplacer(`"sequence_number":"0"`, `"sequence_number":"1"`, `"sequence_number":"1"`, `"sequence_number":"0"`).Replace(string(b)))
			}
			return http.StatusOK, []byte(strings.Replace(string(b), `"version":"2"`, `"version":"1"`, 1))
		}, nil, "the one before it at"},
		"no JSON": {func(string, []byte) (int, []byte) { return http.StatusOK, []byte("<html>") }, nil, "invalid character"},
		"more than asked": {func(_ string, b []byte) (int, []byte) {
			return http.StatusOK, []byte("[" + strings.Repeat(strings.Trim(string(b), "[]")+",", 50) + strings.Trim(string(b), "[]") + "]")
		}, nil, "were requested"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := startLedger(t)
			l.reset(append(append([][]string{{}, {"list"}}, make([][]string, 38)...), []string{"list"}))
			if name == "order" {
				l.reset([][]string{{}, {"list", "list"}})
			}
			l.top, l.lie = 40, test.lie
			_, err := l.chain.Read(t.Context(), chains.NewLedger(40), source("list"), markets.Place{Seq: -1}, -1, 100)
			if err == nil || !strings.Contains(err.Error(), test.text) || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("error %v, want %q and %v", err, test.text, test.want)
			}
		})
	}
}

func answering(path string, body []byte, in string, status int) (int, []byte) {
	if strings.Contains(path, in) {
		return status, []byte(`{"message":"no"}`)
	}
	return http.StatusOK, body
}

func TestALaggingEndpointIsAhead(t *testing.T) {
	l := startLedger(t)
	l.reset([][]string{{}, {"list"}})
	l.top = 1
	_, err := l.chain.Read(t.Context(), chains.NewLedger(9), source("list"), markets.Place{Seq: 0, Through: 5}, -1, 100)
	if !errors.Is(err, chains.ErrAhead) {
		t.Errorf("error %v, want %v", err, chains.ErrAhead)
	}
}

// A transaction that contradicts the handle's page is not kept: it may be the one that is
// not right.
func TestATransactionThatContradictsIsAskedForAgain(t *testing.T) {
	l := startLedger(t)
	l.reset([][]string{{}, {"list"}})
	l.top = 1
	odd := true
	l.lie = func(path string, body []byte) (int, []byte) {
		if odd && strings.Contains(path, "by_version") {
			body = []byte(strings.ReplaceAll(string(body), `"creation_number":"10"`, `"creation_number":"11"`))
		}
		return http.StatusOK, body
	}
	read := func() (chains.Page, error) {
		return l.chain.Read(t.Context(), chains.NewLedger(1), source("list"), markets.Place{Seq: -1}, -1, 10)
	}
	if _, err := read(); err == nil {
		t.Error("no error")
	}
	l.set(func() { odd = false })
	if page, err := read(); err != nil || len(page.Raws) != 1 {
		t.Errorf("%d events, %v", len(page.Raws), err)
	}
}

// Answers that are too large are asked for in parts.
func TestAnswersThatAreTooLarge(t *testing.T) {
	l := startLedger(t)
	chain, err := New(Config{
		Endpoints: []chains.Endpoint{{URL: l.url}}, ChainID: 7, Sources: []markets.Source{byModule}, MaxAnswer: 1500, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	l.reset(slices.Repeat([][]string{{"list", ""}}, 60))
	l.top = 59
	for _, s := range []markets.Source{byModule, source("list")} {
		if raws, _ := chaintest.Drain(t.Context(), t, chain, chains.NewLedger(59), s, markets.Place{Seq: -1}, -1, 100); len(raws) != 60 {
			t.Errorf("%d events", len(raws))
		}
	}
}
