package metadata

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// bench is a worker on a store, at a time that the test sets.
type bench struct {
	*Worker
	t     *testing.T
	store *embedded.Store
	clock time.Time
}

func newBench(t *testing.T, gateway string) *bench {
	t.Helper()
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b := &bench{t: t, store: store, clock: time.Unix(1_700_000_000, 0)}
	b.Worker = &Worker{
		Fetcher: newFetcher(gateway, nil), Store: store, Chains: []string{"bsc"}, Owns: func(chain string) bool { return chain == "bsc" },
		Log: slog.New(slog.DiscardHandler), now: func() time.Time { return b.clock },
	}
	return b
}

// has puts records of a chain into the store, with a URI each.
func (b *bench) has(chain, kind string, uris ...any) {
	b.t.Helper()
	var records []markets.Record
	for i, uri := range uris {
		records = append(records, markets.Record{Chain: chain, Market: "imart", Type: kind, Key: fmt.Sprintf("%04d", i), Fields: map[string]any{"metadataUri": uri}})
	}
	err := b.store.Commit(b.t.Context(), persistence.MarketRef{Chain: chain, Market: "imart"}, nil, func(tx persistence.Tx) error { return tx.PutRecords(records) })
	if err != nil {
		b.t.Fatal(err)
	}
}

// looks has the worker look once, and returns all metadata.
func (b *bench) looks() map[string]persistence.Metadata {
	b.t.Helper()
	if err := b.look(b.t.Context(), "bsc", sources[0]); err != nil {
		b.t.Fatal(err)
	}
	docs, err := persistence.Collect[persistence.Metadata](b.t.Context(), b.store, persistence.Query{Collection: persistence.MetadataDocs})
	if err != nil {
		b.t.Fatal(err)
	}
	all := map[string]persistence.Metadata{}
	for _, doc := range docs {
		all[doc.ID] = doc
	}
	return all
}

// Each URI of the records of galleries on owned chains is fetched, once; what failed is tried
// again when it is due, and not before.
func TestMetadata(t *testing.T) {
	var asked atomic.Int64
	var well atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if !well.Load() && strings.HasSuffix(r.URL.Path, "odd") {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, `{"name": %q}`, r.URL.Path)
	}))
	t.Cleanup(s.Close)
	b := newBench(t, s.URL)
	long := s.URL + "/" + strings.Repeat("x", maxKey)
	b.has("bsc", "gallery", "ipfs://QmHall", s.URL+"/a", s.URL+"/a", s.URL+"/odd", "", 7, long, "data:,{}", "ar://x")
	b.has("bsc", "exhibit", s.URL+"/exhibit")
	b.has("bsc2", "gallery", s.URL+"/other")
	all := b.looks()
	if len(all) != 6 || asked.Load() != 4 {
		t.Fatalf("asked %d times, %d documents: %v", asked.Load(), len(all), all)
	}
	for key, want := range map[string]persistence.Metadata{
		"ipfs://QmHall": {State: persistence.MetadataFetched, Status: 200, Bytes: 24, JSON: `{"name":"/ipfs/QmHall"}`, Attempts: 1},
		s.URL + "/a":    {State: persistence.MetadataFetched, Status: 200, Bytes: 14, JSON: `{"name":"/a"}`, Attempts: 1},
		s.URL + "/odd":  {State: persistence.MetadataFailed, Status: 502, Reason: "was answered 502 Bad Gateway", Attempts: 1},
		"data:,{}":      {State: persistence.MetadataFetched, Bytes: 2, JSON: "{}", Attempts: 1},
		"ar://x":        {State: persistence.MetadataFailed, Reason: ErrScheme.Error(), Attempts: 1},
		keyOf(long):     {State: persistence.MetadataFetched, Status: 200, Bytes: int64(len(long)-len(s.URL)) + 12, JSON: fmt.Sprintf(`{"name":%q}`, long[len(s.URL):]), Attempts: 1},
	} {
		got := all[key]
		if !got.TriedAt.Equal(b.clock) || (got.FetchedAt == nil) != (want.State == persistence.MetadataFailed) || (got.NextAt == nil) == (want.State == persistence.MetadataFailed) {
			t.Errorf("%.40s: times of %+v", key, got)
		}
		want.ID, want.TriedAt, want.FetchedAt, want.NextAt = key, got.TriedAt, got.FetchedAt, got.NextAt
		if got != want {
			t.Errorf("%.40s is\n%+v, want\n%+v", key, got, want)
		}
	}
	b.clock = b.clock.Add(firstPause - time.Second)
	if b.looks(); asked.Load() != 4 {
		t.Errorf("before its time it is asked again: %d times", asked.Load())
	}
	for attempt := int64(2); attempt < 20; attempt++ {
		before := b.looks()[s.URL+"/odd"]
		b.clock = *before.NextAt
		after := b.looks()[s.URL+"/odd"]
		if after.Attempts != attempt || after.NextAt.Sub(b.clock) != min(firstPause<<(attempt-1), lastPause) {
			t.Fatalf("attempt %d: %+v after %+v", attempt, after, before)
		}
	}
	well.Store(true)
	b.clock = *b.looks()[s.URL+"/odd"].NextAt
	if got := b.looks()[s.URL+"/odd"]; got.State != persistence.MetadataFetched || got.Reason != "" || got.NextAt != nil || got.JSON != `{"name":"/odd"}` {
		t.Errorf("in the end %+v", got)
	}
	n := asked.Load()
	b.clock = b.clock.Add(time.Hour)
	again := *b.Worker // as after a restart
	b.Worker = &again
	if b.looks(); asked.Load() != n {
		t.Error("what was fetched is asked for again")
	}
}

// All pages of records are looked at, a few requests at a time, until the chain is lost.
func TestMetadataOfManyRecords(t *testing.T) {
	var now, most, asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		fmt.Fprint(w, "{}")
	}))
	t.Cleanup(s.Close)
	b := newBench(t, "")
	var uris []any
	for i := range 2*page + 7 {
		uris = append(uris, fmt.Sprint(s.URL, "/", i))
	}
	b.has("bsc", "gallery", uris...)
	looks := 0
	b.Owns = func(string) bool { looks++; return looks < 2 }
	if got := b.looks(); len(got) != page {
		t.Errorf("%d were fetched of a chain that was lost after a page of %d", len(got), page)
	}
	b.Owns = func(string) bool { return true }
	if got := b.looks(); len(got) != len(uris) || asked.Load() != int64(len(uris)) || most.Load() > atOnce {
		t.Errorf("%d of %d, asked %d times, %d at once", len(got), len(uris), asked.Load(), most.Load())
	}
}

// A worker ends when it is told to, whatever it waits for, and leaves no document of what it
// has not learned.
func TestMetadataWorkerEnds(t *testing.T) {
	arrived := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	b := newBench(t, "")
	b.every = time.Millisecond
	b.has("bsc", "gallery", s.URL+"/a")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		b.Run(ctx)
		close(done)
	}()
	<-arrived
	cancel()
	<-done
	docs, err := persistence.Collect[persistence.Metadata](t.Context(), b.store, persistence.Query{Collection: persistence.MetadataDocs})
	if err != nil || len(docs) > 0 {
		t.Errorf("%v, %v", docs, err)
	}
}
