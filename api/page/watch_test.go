package page

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// unreliable is a database that does not answer while broken is set.
type unreliable struct {
	persistence.Querier
	broken bool
}

func (a *unreliable) Query(ctx context.Context, q persistence.Query) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		if a.broken {
			yield(nil, errors.New("the server does not answer"))
			return
		}
		for _, actor := range chainAt(epoch, "a", 5, 1).actors {
			doc, err := json.Marshal(actor)
			if q.Collection == persistence.Actors && !yield(doc, err) {
				return
			}
		}
	}
}

// While the database does not answer, the page shows the last state, marked as out of date.
func TestDatabaseUnavailable(t *testing.T) {
	docs := &unreliable{}
	log := slog.New(slog.DiscardHandler)
	p := &Page{opts: Options{Data: docs, Log: log}, watch: newWatch(docs, log)}
	show := func() string {
		w := httptest.NewRecorder()
		p.handler(p.overview).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		return w.Body.String()
	}
	if text := show(); !strings.Contains(text, "Reading the documents for the first time") {
		t.Errorf("before the first read:\n%s", text)
	}
	const outOfDate = "is out of date. The database cannot be read: the server does not answer"
	for i, broken := range []bool{false, true, true, false} {
		docs.broken = broken
		p.watch.poll(t.Context(), epoch.Add(time.Duration(i)*pointEvery))
		text := show()
		if strings.Contains(text, outOfDate) != broken {
			t.Errorf("after read %d the page is marked as out of date: %t", i+1, !broken)
		}
		if !strings.Contains(text, "no problems") || !strings.Contains(text, ">a</h2>") {
			t.Errorf("after read %d the page shows\n%s", i+1, text)
		}
	}
	if points, _ := p.watch.points("a", 0); len(points.At) != 2 {
		t.Errorf("%d points of 2 reads", len(points.At))
	}
}

// A running chain is silent after two minutes without a write, whatever state its documents
// have, until the next write.
func TestSilentChains(t *testing.T) {
	w := newWatch(nil, slog.New(slog.DiscardHandler))
	poll := func(at time.Duration, writes time.Duration, state string) snapshot {
		s := chainAt(epoch.Add(at), "a", 0)
		for i := range s.actors {
			s.actors[i].UpdatedAt, s.actors[i].Status = epoch.Add(time.Hour+writes), state // by another clock
		}
		s.tree = progress.Of(s.actors)
		w.markSilent(&s)
		return s
	}
	for _, step := range []struct {
		at, writes time.Duration
		state      string
		silent     bool
	}{
		{0, 0, persistence.Following, false},
		{silentAfter - 1, 0, persistence.Following, false},
		{silentAfter, 0, persistence.Following, true},
		{silentAfter + 1, time.Second, persistence.Following, false},
		{2 * silentAfter, time.Second, persistence.Following, false},
		{2*silentAfter + 1, time.Second, persistence.Following, true},
		{3 * silentAfter, time.Second, persistence.Stopped, false},
	} {
		s := poll(step.at, step.writes, step.state)
		if got := len(troubles(s)) == 1; got != step.silent || step.silent && newCard(s, s.tree[0]).State != silent {
			t.Errorf("at %s, written at %s: silent is %t", step.at, step.writes, got)
		}
	}
}

// A list is read once within its time, however many viewers there are. Errors are not kept.
func TestSharedReads(t *testing.T) {
	var s shared[int]
	reads := 0
	read := func(context.Context) (int, error) { reads++; return reads, nil }
	var viewers sync.WaitGroup
	for range 20 {
		viewers.Go(func() {
			if got, err := s.get(t.Context(), "a", time.Time{}, read); got != 1 || err != nil {
				t.Errorf("%d, %v", got, err)
			}
		})
	}
	viewers.Wait()
	if got, _ := s.get(t.Context(), "b", time.Time{}, read); got != 2 || reads != 2 {
		t.Errorf("another list: %d after %d reads", got, reads)
	}
	failing := errors.New("away")
	if _, err := s.get(t.Context(), "c", time.Time{}, func(context.Context) (int, error) { return 0, failing }); !errors.Is(err, failing) {
		t.Errorf("%v", err)
	}
	if got, err := s.get(t.Context(), "c", time.Time{}, read); got != 3 || err != nil {
		t.Errorf("after a failure: %d, %v", got, err)
	}
	for i := range 3 * maxShared {
		_, _ = s.get(t.Context(), string(rune('d'+i)), time.Time{}, read)
	}
	if len(s.known) > maxShared {
		t.Errorf("%d results are kept", len(s.known))
	}
}

// A viewer who knows of a change gets a value that was read after it, and the list is still
// not read more often.
func TestSharedReadsAfterAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared[time.Time]
		var last time.Time
		read := func(context.Context) (time.Time, error) {
			if pause := time.Since(last); pause < watchedEvery/2 {
				t.Errorf("it is read again after %s", pause)
			}
			last = time.Now()
			return last, nil
		}
		for range 20 {
			changed := time.Now()
			if began, err := s.get(t.Context(), "a", changed, read); began.Before(changed) || err != nil {
				t.Errorf("changed at %s, read at %s: %v", changed, began, err)
			}
			time.Sleep(watchedEvery / 7)
		}
		time.Sleep(watchedEvery)
		kept, _ := s.get(t.Context(), "a", time.Time{}, read)
		time.Sleep(watchedEvery / 8)
		var waiting sync.WaitGroup
		for range 3 {
			changed := time.Now()
			waiting.Go(func() {
				if began, err := s.get(t.Context(), "a", changed, read); began.Before(changed) || err != nil {
					t.Errorf("changed at %s, read at %s: %v", changed, began, err)
				}
			})
		}
		synctest.Wait() // until all of them wait
		called := time.Now()
		if began, err := s.get(t.Context(), "a", time.Time{}, read); began != kept || err != nil || time.Now() != called {
			t.Errorf("a viewer who knows of no change waits: %s, %v", time.Since(called), err)
		}
		waiting.Wait()
		time.Sleep(watchedEvery / 8)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.get(ctx, "a", time.Now(), read); !errors.Is(err, context.Canceled) {
			t.Errorf("with a cancelled context: %v", err)
		}
	})
}

// Invisible characters are escaped in every page, and visible text is not changed.
func TestInvisibleCharacters(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		page := rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) })).Draw(rt, "page")
		got := string(visible(page))
		plain := true
		for _, r := range string(page) {
			plain = plain && (unicode.IsPrint(r) && r != unicode.ReplacementChar || r == '\n' || r == '\t')
		}
		for _, r := range got {
			if !unicode.IsPrint(r) && r != '\n' && r != '\t' {
				rt.Fatalf("%q has %q", got, r)
			}
		}
		if plain && got != string(page) {
			rt.Fatalf("%q becomes %q", page, got)
		}
	})
}
