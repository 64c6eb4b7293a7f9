package aptos

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/internal/examples"
	"github.com/imart/event-worker/markets"
)

var (
	longAccount = "0x" + strings.Repeat("0", 61) + "abc"
	byModule    = markets.Source{Types: []string{longAccount + "::market::Module"}}
	byBoth      = markets.Source{Types: []string{longAccount + "::market::Event", longAccount + "::market::Module"}}
)

// byType is the events of a ledger up to a version that a source wants.
func byType(ledger [][]string, source markets.Source, from, to int64) (spots []spot) {
	for version := from; version <= to && version < int64(len(ledger)); version++ {
		for index, field := range ledger[version] {
			if field == "" || len(source.Types) > 1 {
				spots = append(spots, spot{version, int64(index)})
			}
		}
	}
	return spots
}

// Whatever the limits, the growth of the ledger, the size of the node's pages, and
// however streams share them: what is read by types is the plain list, and each place
// says exactly how far. It is so by the REST API and over the transaction stream,
// however often that ends.
func TestReadByTypesIsThePlainList(t *testing.T) {
	t.Run("REST", func(t *testing.T) {
		l := startLedger(t)
		readByTypes(t, l, l.chain)
	})
	t.Run("stream", func(t *testing.T) {
		l := startLedger(t)
		readByTypes(t, l, l.stream(t))
		if status := l.streaming.stream.status(); status.LastError != "" {
			t.Errorf("the stream failed: %+v", status)
		}
		if l.asked["v1"] > 0 || l.asked["stream"] == 0 {
			t.Errorf("requests %v", l.asked)
		}
	})
}

func readByTypes(t *testing.T, l *ledger, chain *Chain) {
	rapid.Check(t, func(t *rapid.T) {
		transaction := rapid.SliceOfN(rapid.SampledFrom([]string{"list", "buy", "", ""}), 0, 3)
		ledger := rapid.SliceOfN(transaction, 1, 12).Draw(t, "ledger")
		// Pages begin at whole hundreds: the interesting versions lie around one.
		before := rapid.IntRange(90, 100).Draw(t, "before")
		ledger = append(make([][]string, before), ledger...)
		l.reset(ledger)
		last := int64(len(ledger)) - 1
		l.set(func() {
			l.top = int64(rapid.IntRange(0, int(last)).Draw(t, "top"))
			l.maxPage = rapid.SampledFrom([]int{100, 100, 25, 3}).Draw(t, "page")
			l.batch = rapid.SampledFrom([]int{1000, 100, 7, 1}).Draw(t, "batch")
			l.cut = rapid.SampledFrom([]int{0, 0, 2, 1}).Draw(t, "cut")
		})
		start := int64(rapid.IntRange(-1, before).Draw(t, "start"))
		places := map[*markets.Source]markets.Place{&byModule: {Seq: start}, &byBoth: {Seq: start}}
		step := func(source *markets.Source, through int64, limit int) bool {
			from := places[source]
			view := chains.NewLedger(l.top)
			page, err := chain.Read(context.Background(), view, *source, from, through, limit)
			if from.Seq > l.top {
				if !errors.Is(err, chains.ErrAhead) {
					t.Fatalf("a place that the ledger has not reached: %v", err)
				}
				return false
			}
			if err != nil {
				t.Fatalf("read behind %+v: %v", from, err)
			}
			chaintest.CheckPage(t, page, from, through)
			want := byType(ledger, *source, from.Seq+1, page.To.Seq)
			if len(page.Raws) != len(want) {
				t.Fatalf("%d events from %d to %d, want %d", len(page.Raws), from.Seq, page.To.Seq, len(want))
			}
			for i, raw := range page.Raws {
				if raw.Position != (markets.Position{Height: want[i].version, Log: int32(want[i].index)}) || raw.Seq != want[i].version ||
					!source.Matches(&raw) || raw.Ledger.Version != want[i].version || raw.Time.UnixMicro() != 1_700_000_000_000_000+want[i].version {
					t.Fatalf("event %+v, want it at %+v", raw, want[i])
				}
			}
			places[source] = page.To
			return page.To != from
		}
		t.Repeat(map[string]func(*rapid.T){
			"grow": func(t *rapid.T) { l.set(func() { l.top = min(l.top+1, last) }) },
			"read": func(t *rapid.T) {
				source := rapid.SampledFrom([]*markets.Source{&byModule, &byBoth}).Draw(t, "source")
				through := int64(rapid.SampledFrom([]int{-1, -1, 50, 99, 100, 105}).Draw(t, "through"))
				step(source, through, rapid.IntRange(1, 4).Draw(t, "limit"))
			},
		})
		l.set(func() { l.top = last })
		for source := range places {
			for step(source, -1, 3) {
			}
			if place := places[source]; place.Seq != last || place.Through != last && start != last {
				t.Fatalf("it ends at %+v, the ledger at %d", place, last)
			}
		}
	})
}

// Streams that follow the head together ask for each page once.
func TestStreamsSharePages(t *testing.T) {
	l := startLedger(t)
	l.reset(make([][]string, 1000))
	l.top = 999
	for _, source := range []markets.Source{byModule, byBoth} {
		chaintest.Drain(t.Context(), t, l.chain, chains.NewLedger(999), source, markets.Place{Seq: -1}, -1, 100)
	}
	if n := l.asked["v1"]; n != 10 {
		t.Errorf("%d requests for 10 pages", n)
	}
}

// Of a type that was not configured nothing would be found: that is an error.
func TestTypesAreConfigured(t *testing.T) {
	l := startLedger(t)
	l.reset(make([][]string, 6))
	l.top = 5
	other := markets.Source{Types: []string{longAccount + "::market::Other"}}
	if _, err := l.chain.Read(t.Context(), chains.NewLedger(5), other, markets.Place{Seq: -1}, -1, 10); err == nil || !strings.Contains(err.Error(), "market::Other") {
		t.Errorf("error %v", err)
	}
}

// A page is what was asked for, or an error: no transaction is passed over.
func TestPagesOfALyingNode(t *testing.T) {
	l := startLedger(t)
	change := func(how func([]map[string]any) any) func(string, []byte) (int, []byte) {
		return func(_ string, body []byte) (int, []byte) {
			var page []map[string]any
			_ = json.Unmarshal(body, &page)
			changed, _ := json.Marshal(how(page))
			return http.StatusOK, changed
		}
	}
	for name, c := range map[string]struct {
		lie  func(string, []byte) (int, []byte)
		want error
	}{
		"none":          {change(func(p []map[string]any) any { return p[:0] }), nil},
		"one left out":  {change(func(p []map[string]any) any { return append(p[:2], p[3:]...) }), chains.ErrGap},
		"another first": {change(func(p []map[string]any) any { return p[1:] }), chains.ErrGap},
		"twice":         {change(func(p []map[string]any) any { return append(p[:1], p...) }), chains.ErrGap},
		"too many":      {change(func(p []map[string]any) any { return append(p, make([]map[string]any, 100)...) }), nil},
		"no hash":       {change(func(p []map[string]any) any { delete(p[0], "hash"); return p }), chains.ErrGap},
		"no list":       {change(func(p []map[string]any) any { return p[0] }), nil},
		"cut off":       {func(_ string, body []byte) (int, []byte) { return http.StatusOK, body[:len(body)-9] }, nil},
		"bad type": {change(func(p []map[string]any) any {
			p[3]["events"].([]any)[0].(map[string]any)["type"] = "x::market::Module"
			return p
		}), nil},
		"bad changes":    {change(func(p []map[string]any) any { p[3]["changes"] = 7; return p }), nil},
		"pruned history": {func(string, []byte) (int, []byte) { return http.StatusGone, []byte(`{"error_code":"version_pruned"}`) }, chains.ErrPruned},
	} {
		l.reset([][]string{{}, {}, {}, {""}, {}})
		l.top, l.lie = 4, c.lie
		page, err := l.chain.Read(t.Context(), chains.NewLedger(4), byModule, markets.Place{Seq: -1}, -1, 10)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %d events to %+v, %v", name, len(page.Raws), page.To, err)
		}
	}
	// A node behind the one that told the head.
	l.reset(make([][]string, 5))
	l.top = 3
	if _, err := l.chain.Read(t.Context(), chains.NewLedger(4), byModule, markets.Place{Seq: -1}, -1, 10); !errors.Is(err, chains.ErrAhead) {
		t.Errorf("a node that lags: %v", err)
	}
}

// Whatever a node answers, scanning it ends with events or an error.
func TestAnyPage(t *testing.T) {
	l := startLedger(t)
	l.reset([][]string{{"", "list"}, {}, {""}})
	l.top = 2
	sound, err := json.Marshal([]any{l.whole(0), l.whole(1), l.whole(2)})
	if err != nil {
		t.Fatal(err)
	}
	scan := func(t *rapid.T) (read bool) {
		body := spoiltPage(t, sound)
		s := pageScanner{wanted: l.chain.wanted}
		if err := s.scanPage(body); err != nil || s.next != 3 {
			return false
		}
		for _, raw := range s.raws {
			if raw.Ledger == nil || raw.Transaction == "" || !json.Valid(raw.JSON) {
				t.Fatalf("%+v of\n%s", raw, body)
			}
		}
		return true
	}
	rapid.Check(t, func(t *rapid.T) { scan(t) })
	if !slices.Contains(examples.Of(100, scan), true) {
		t.Error("no page is ever read")
	}
}

// spoiltPage draws a page: the sound one with up to three changes.
func spoiltPage(t *rapid.T, sound []byte) []byte {
	body := slices.Clone(sound)
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		at := rapid.IntRange(0, len(body)-1).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "change") {
		case 0:
			body[at] = rapid.SampledFrom([]byte(`{}[]",:0n\`)).Draw(t, "byte")
		case 1:
			body = append(body[:at:at], body[min(at+rapid.IntRange(1, 40).Draw(t, "less"), len(body)):]...)
		case 2:
			body = append(body[:at:at], append([]byte(rapid.SampledFrom([]string{"null", `""`, "[[", `{"a":`, "\xff"}).Draw(t, "more")), body[at:]...)...)
		}
		if len(body) == 0 {
			body = []byte(" ")
		}
	}
	return body
}
