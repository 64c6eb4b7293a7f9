package actors

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/api/feed"
	"github.com/imart/event-worker/internal/feedtest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// followed are the collections that a follower reads.
var followed = []string{persistence.Orders, persistence.Activities, persistence.Records, persistence.Notifications, persistence.DeadLetters}

// follower is a reader of the feed that disconnects at random and resumes.
type follower struct {
	url  string
	r    *rand.Rand
	have feedtest.Copy
	at   string // the ID of the last event
	seen []string

	final      map[string]int64 // the height up to which activities are final, by stream
	heights    map[string]int64 // of activities, by _id
	violations []string         // final activities that were retracted

	disconnections, retractions, finals int // numbers of events
}

// followFeed follows a world's feed from its newest position. The returned function waits
// until the reader has received all changes committed before its call.
func followFeed(w *world) (*follower, func() error) {
	w.t.Helper()
	server := httptest.NewServer(feed.Routes(feed.Options{Data: w.disk, Log: slog.New(slog.DiscardHandler), Heartbeat: time.Millisecond, FinalEvery: time.Millisecond})[0].Handler)
	at, err := w.disk.Newest(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	f := &follower{url: server.URL + "?collection=" + strings.Join(followed, "&collection="), r: rand.New(rand.NewPCG(w.r.Uint64(), 3)), have: feedtest.Copy{}, at: at, final: map[string]int64{}, heights: map[string]int64{}}
	for _, name := range followed {
		f.have[name] = map[string]string{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	through := make(chan string, 1)
	ended := make(chan error, 1)
	go func() { ended <- f.run(ctx, w.disk, through) }()
	w.t.Cleanup(func() {
		cancel()
		server.CloseClientConnections()
		server.Close()
	})
	return f, func() error {
		newest, err := w.disk.Newest(w.t.Context())
		if err != nil {
			return err
		}
		through <- newest
		select {
		case err := <-ended:
			return err
		case <-time.After(3 * w.patience):
			return fmt.Errorf("the reader does not reach the newest position: it is at %s of %s", f.at, newest)
		}
	}
}

// run follows the feed until the reader has reached a position received from through.
func (f *follower) run(ctx context.Context, data persistence.Feed, through <-chan string) error {
	end := ""
	for {
		reader, err := feedtest.Open(ctx, f.url, f.at)
		if err != nil {
			return err
		}
		if reader.StatusCode != http.StatusOK {
			_ = reader.Body.Close()
			if reader.StatusCode == http.StatusServiceUnavailable { // the database is restarting
				time.Sleep(10 * time.Millisecond)
				continue
			}
			return fmt.Errorf("the feed answers %s", reader.Status)
		}
		for until := f.r.IntN(40); until >= 0; until-- {
			e, err := reader.Next()
			if err != nil {
				break // the server has closed the connection
			}
			f.apply(e)
			if end == "" {
				select {
				case end = <-through:
				default:
				}
			}
			if end != "" && data.Reached(f.at, end) {
				return reader.Body.Close()
			}
		}
		_ = reader.Body.Close()
		f.disconnections++
	}
}

// apply applies an event.
func (f *follower) apply(e feedtest.Event) {
	if e.ID != "" {
		f.at = e.ID
	}
	if e.Name == "final" {
		f.finals++
		f.applyFinal(e)
	}
	if !e.OfChange() {
		return
	}
	f.seen = append(f.seen, e.ID+" "+e.Name+" "+string(e.Data))
	f.have.Apply(e)
	c := e.Change()
	if c.Collection != persistence.Activities {
		return
	}
	if e.Name == "put" {
		var a markets.Activity
		_ = json.Unmarshal(c.Document, &a)
		f.heights[c.ID] = a.Position.Height
		return
	}
	f.retractions++
	for stream, height := range f.final {
		if strings.Contains(c.ID, "/"+stream+"/") && f.heights[c.ID] <= height {
			f.violations = append(f.violations, fmt.Sprintf("%s is final up to %d, but %s was retracted", stream, height, c.ID))
		}
	}
}

func (f *follower) applyFinal(e feedtest.Event) {
	var d struct {
		Collection, Stream string
		Height             int64
	}
	_ = json.Unmarshal(e.Data, &d)
	if d.Collection == persistence.Activities {
		f.final[d.Stream] = max(f.final[d.Stream], d.Height)
	}
}

// Despite reorganisations, killed nodes and disconnections, a reader of the feed receives
// every change exactly once, in the order of the commits, and ends with the documents of
// the store.
func TestAFeedDeliversEveryChange(t *testing.T) {
	t.Parallel()
	n := 6
	if os.Getenv(historiesVariable) != "" {
		n = histories()
	}
	for seed := range uint64(n) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			finality := int64(seed % 4)
			if seed%2 == 0 {
				finality = unsettled
			}
			w := newWorld(t, seed, finality)
			start, err := w.disk.Newest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			f, finish := followFeed(w)
			live := w.live
			if seed%2 == 0 {
				live = w.reorganise
			}
			if err := live(40); err != nil {
				t.Fatal(err)
			}
			if err := w.check(); err != nil {
				t.Fatal(err)
			}
			w.kill()
			w.stopOld()
			if err := finish(); err != nil {
				t.Fatal(err)
			}
			want, err := feedtest.Take(t.Context(), w.disk, followed, persistence.Filter{})
			if err != nil || !reflect.DeepEqual(f.have, want) {
				t.Fatalf("the reader has\n%v\nwant\n%v, %v", f.have, want, err)
			}
			if all := allChanges(w, start, f.at); !slices.Equal(f.seen, all) {
				t.Fatalf("after %d disconnections the reader has seen %d changes of %d:\n%s\nwant\n%s", f.disconnections, len(f.seen), len(all), strings.Join(f.seen, "\n"), strings.Join(all, "\n"))
			}
			if seed%2 == 0 {
				f.checkFinal(t)
			}
		})
	}
}

// checkFinal checks that activities were retracted, but none after the feed had declared it
// final.
func (f *follower) checkFinal(t *testing.T) {
	if len(f.violations) > 0 {
		t.Errorf("%s", strings.Join(f.violations, "\n"))
	}
	if f.retractions == 0 || f.finals == 0 {
		t.Errorf("%d activities were retracted, and %d final events received", f.retractions, f.finals)
	}
}

// unsettled is the number of blocks that are not final in histories of reorganise.
const unsettled = 4

// reorganise lets the chain grow and reorganise above finality, and kills the node at
// times.
func (w *world) reorganise(steps int) error {
	w.boot()
	for range steps {
		switch w.r.IntN(8) {
		case 0, 1:
			w.outgrow() // so that the fork abandons no block that was final on an earlier branch
			if err := w.settle(); err != nil {
				return err
			}
			w.chain.fork(1 + w.r.IntN(unsettled-1))
			w.block()
			w.block()
		case 2:
			w.kill()
			w.boot()
		case 3:
			w.pause()
		default:
			w.block()
		}
	}
	w.outgrow()
	return nil
}

// stopOld waits until killed nodes have stopped: their last commits may still succeed.
func (w *world) stopOld() {
	for _, n := range w.old {
		_ = n.Stop(context.Background())
	}
}

// allChanges returns the changes between two positions of the store's feed, as lineOf has
// them.
func allChanges(w *world, after, through string) (lines []string) {
	w.t.Helper()
	for c, err := range w.disk.Changes(w.t.Context(), after, followed) {
		if err != nil {
			w.t.Fatal(err)
		}
		if c.Collection != "" && (c.Position == through || w.disk.Reached(through, c.Position)) {
			lines = append(lines, lineOf(w, c))
		}
		if c.Collection == "" && w.disk.Reached(c.Position, through) {
			break
		}
	}
	return lines
}

// lineOf formats a change as follower.seen does.
func lineOf(w *world, c persistence.Change) string {
	name := "put"
	if c.Removed() {
		name = "retracted"
		if c.Collection == persistence.Orders || c.Collection == persistence.Records {
			name = "removed"
		}
	}
	data, err := json.Marshal(struct {
		Collection string          `json:"collection"`
		ID         string          `json:"id"`
		Document   json.RawMessage `json:"document,omitempty"`
	}{c.Collection, c.ID, c.Document})
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Position + " " + name + " " + string(data)
}
