package progress

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/logs"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// watched is a store to which a test writes as actors would, and the resulting log.
type watched struct {
	*Logger
	t     *testing.T
	store persistence.Store
	said  bytes.Buffer
	docs  map[string]persistence.Actor
}

func newWatched(t *testing.T, chains ...string) *watched {
	t.Helper()
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &watched{t: t, store: store, docs: map[string]persistence.Actor{}}
	log, _, err := logs.New(&w.said, config.Log{Level: slog.LevelInfo}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Logger = NewLogger(log, store, "me", chains)
	for _, chain := range chains {
		w.take(chain, "me")
	}
	return w
}

func (w *watched) take(chain, node string) {
	w.t.Helper()
	if _, err := w.store.TakeOver(w.t.Context(), chain, node); err != nil {
		w.t.Fatal(err)
	}
}

// claim creates an actor's document, or counts a restart.
func (w *watched) claim(id, node string, restarts int64) {
	w.t.Helper()
	names := append(strings.Split(id, "/"), "", "", "")
	kind := map[string]string{"": names[1], "subject": "subject"}[names[3]]
	if kind == "" {
		kind = "observer"
	}
	doc, err := w.store.Claim(w.t.Context(), persistence.Claim{
		ID: id, Kind: kind, Chain: names[0], Market: names[1], Stream: names[2], Node: node, Epoch: 1, Restarts: restarts,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.docs[id] = doc
}

// is writes an actor's state.
func (w *watched) is(id, status string, lag int64, reason string) {
	w.t.Helper()
	if _, there := w.docs[id]; !there {
		w.claim(id, "me", 0)
	}
	err := w.store.Report(w.t.Context(), w.docs[id].Ref(), persistence.Report{Status: status, Head: 100, Lag: lag, LastError: reason})
	if err != nil {
		w.t.Fatal(err)
	}
}

// has adds events to an observer's count.
func (w *watched) has(id string, events int64) { w.move(id, 1, events) }

// move moves an observer by some blocks.
func (w *watched) move(id string, blocks, events int64) {
	w.t.Helper()
	w.is(id, persistence.Following, 0, "")
	doc := w.docs[id]
	to := markets.Place{Seq: doc.Seq + blocks, Hash: fmt.Sprint(doc.Seq + blocks)}
	move := persistence.Move{Actor: doc.Ref(), From: doc.Place, To: to, Events: events, Report: persistence.Report{Status: persistence.Following}}
	if err := w.store.Commit(w.t.Context(), persistence.MarketRef{Chain: doc.Chain, Market: doc.Market}, []persistence.Move{move}, nil); err != nil {
		w.t.Fatal(err)
	}
	doc.Place = to
	w.docs[id] = doc
}

var timePattern = regexp.MustCompile(`(?m)^time=\S+ level=| lasted=\S+$`)

// says looks and compares the logged changes: lines without times.
func (w *watched) says(when string, want ...string) {
	w.t.Helper()
	w.looks = 0 // no summary is due
	if err := w.Look(w.t.Context()); err != nil {
		w.t.Fatalf("%s: %v", when, err)
	}
	w.heard(when, want...)
}

// heard compares what was logged.
func (w *watched) heard(when string, want ...string) {
	w.t.Helper()
	got := strings.Split(strings.TrimSuffix(timePattern.ReplaceAllString(w.said.String(), ""), "\n"), "\n")
	if len(want) == 0 {
		want = []string{""}
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: logged\n  %s\nwant\n  %s", when, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	w.said.Reset()
}
