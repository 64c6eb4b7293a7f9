package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

// scene is a hook with a position, on an embedded store.
type scene struct {
	*testing.T
	*receiver
	hook    Hook
	feed    *memoryFeed
	store   persistence.Store
	cursors persistence.HookStore
	moves   *moves
	timing  Timing
}

func newScene(t *testing.T, manners ...manner) *scene {
	store, to := stores["embedded"](t), newReceiver(t, manners...)
	s := &scene{T: t, receiver: to, hook: to.hook("h"), feed: newMemoryFeed(), store: store, cursors: store.(persistence.HookStore), moves: &moves{all: map[string]string{}}, timing: quick}
	s.begin().stop()
	return s
}

// begin starts a process, and waits until it has claimed the hook.
func (s *scene) begin() *process {
	epoch := hookOf(s, s.store, "h").Epoch
	p := start(s, s.cursors, s.feed, s.hook, s.timing, s.moves)
	awaitThat(s, "the hook is claimed", func() bool { return hookOf(s, s.store, "h").Epoch > epoch })
	return p
}

func (s *scene) put(ids ...string) {
	for _, id := range ids {
		s.feed.add(persistence.Change{Collection: persistence.Activities, ID: "ethereum/seaport/" + id, Document: json.RawMessage("{}")})
	}
}

// got waits until the hook is at the feed's end, and returns the received events as id:type.
func (s *scene) got() string {
	s.Helper()
	newest, _ := s.feed.Newest(s.Context())
	awaitThat(s, "the hook is at "+newest, func() bool { return hookOf(s, s.store, "h").Position == newest })
	events, wrong := s.received()
	if len(wrong) > 0 || s.moves.err != nil {
		s.Fatal(wrong, s.moves.err)
	}
	var ids []string
	for _, e := range events {
		ids = append(ids, strings.TrimPrefix(e.ID, "ethereum/seaport/")+":"+e.Type)
	}
	return strings.Join(ids, " ")
}

func (s *scene) want(what string) {
	s.Helper()
	if got := s.got(); got != what {
		s.Errorf("received %s, want %s", got, what)
	}
}

// If a process is killed after the receiver has processed a delivery, but before it answers,
// the next process repeats the delivery with the same events, although the feed has grown.
func TestKillDuringDelivery(t *testing.T) {
	s := newScene(t, hangsLate)
	p := s.begin()
	s.put("1", "2")
	s.awaitRequest(20 * time.Second)
	p.kill()
	s.put("3")
	defer s.begin().stop()
	s.want("1:put 2:put 3:put")
}

// A hook whose position is no longer kept delivers gone once, and continues.
func TestGone(t *testing.T) {
	s := newScene(t, fails, hangsLate)
	s.put("1", "2")
	s.feed.forget()
	p := s.begin()
	s.awaitRequest(20 * time.Second)
	s.awaitRequest(20 * time.Second)
	p.kill()
	s.put("3")
	defer s.begin().stop()
	s.want(":gone 3:put")
}

// If the choice of a hook changes while a delivery is in flight, all events of the new choice
// are delivered.
func TestChangedChoice(t *testing.T) {
	s := newScene(t, hangsLate)
	s.hook.Collections = []string{persistence.Activities}
	p := s.begin()
	s.feed.add(
		persistence.Change{Collection: persistence.Activities, ID: "1", Document: json.RawMessage("{}")},
		persistence.Change{Collection: persistence.Orders, ID: "2", Document: json.RawMessage("{}")},
		persistence.Change{Collection: persistence.Activities, ID: "3", Document: json.RawMessage("{}")},
	)
	s.awaitRequest(20 * time.Second)
	p.kill()
	s.hook.Collections = append(s.hook.Collections, persistence.Orders)
	defer s.begin().stop()
	s.want("1:put 3:put 1:put 2:put 3:put")
}

// A plan whose end is not in the feed does not block the hook.
func TestStalePlan(t *testing.T) {
	s := newScene(t)
	hook, _, err := s.cursors.ClaimHook(t.Context(), persistence.HookClaim{Name: "h", Node: "n", Lease: time.Millisecond})
	if err == nil {
		err = s.cursors.PlanHook(t.Context(), hook.Ref(), hook.Position, persistence.HookPlan{Through: "another form of p1", Choice: s.hook.choice()})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.begin().stop()
	s.put("1")
	s.want("1:put")
}

// Failures never reveal the URL or the secret.
func TestFailuresHideTheURL(t *testing.T) {
	to := newReceiver(t, disconnects, redirects, hangs)
	sender, hook := NewSender(), to.hook("h")
	defer sender.Close()
	for _, url := range []string{hook.URL, hook.URL, hook.URL, "http://127.0.0.1:1/a/path?with=a-key", "http://127.0.0.1:1/%zz/a/path?a-key", "https" + strings.TrimPrefix(hook.URL, "http")} {
		hook.URL = url
		within, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := sender.Send(within, hook, "id", []byte("{}"))
		cancel()
		if err == nil || err.Error() == "" || strings.Contains(err.Error(), "a-key") || strings.Contains(err.Error(), "/a/path") || strings.Contains(err.Error(), string(secret)) {
			t.Errorf("%v", err)
		}
	}
}

// A stopping process waits for the delivery in flight.
func TestStopDuringDelivery(t *testing.T) {
	s := newScene(t, holds)
	s.timing.Send, s.timing.Grace = time.Minute, time.Minute
	p := s.begin()
	s.put("1")
	s.awaitRequest(20 * time.Second)
	p.leave()
	time.Sleep(10 * time.Millisecond) // long enough for a process that does not wait to give up
	close(s.accept)
	p.stop()
	if hook := hookOf(t, s.store, "h"); hook.Position != "p1" || hook.Node != "" {
		t.Errorf("it stops with %+v", hook)
	}
	s.want("1:put")
}

// A stopping process abandons a delivery after the grace period.
func TestStopWithHangingReceiver(t *testing.T) {
	s := newScene(t, hangs)
	s.timing.Send = time.Minute
	p := s.begin()
	s.put("1")
	s.awaitRequest(20 * time.Second)
	p.stop()
	if hook := hookOf(t, s.store, "h"); hook.Position != "p0" || hook.Node != "" || hook.Plan == nil || hook.Attempts != 0 { // abandoned, not failed
		t.Errorf("it stops with %+v", hook)
	}
	defer s.begin().stop()
	s.want("1:put")
}

// A refused delivery becomes a dead hook, and later ones follow. Documents never contain the
// URL's secrets.
func TestDead(t *testing.T) {
	s := newScene(t, fails, redirects, disconnects, refuses)
	defer s.begin().stop()
	s.put("1")
	awaitThat(t, "the first is dead", func() bool { return len(deadOf(t, s.store, "h")) == 1 })
	s.put("2")
	s.want("1:put 2:put") // the receiver that disconnects has processed the first
	dead, hook := deadOf(t, s.store, "h")[0], hookOf(t, s.store, "h")
	if dead.Attempts != 4 || dead.Reason != "the receiver answers 410" || dead.Events != 1 {
		t.Errorf("dead is %+v", dead)
	}
	if hook.Dead != 1 || hook.Deliveries != 1 || hook.Events != 1 || hook.Attempts != 0 || hook.FailingSince != nil {
		t.Errorf("the hook is %+v", hook)
	}
	for _, text := range []string{fmt.Sprintf("%+v", dead), fmt.Sprintf("%+v", hook)} {
		if strings.Contains(text, "a-key") || strings.Contains(text, "/a/path") {
			t.Errorf("%s has secrets", text)
		}
	}
}

// Changes that the hook does not select advance its position, too.
func TestUnselectedChangesAdvanceThePosition(t *testing.T) {
	s := newScene(t)
	s.hook.Chains = []string{"ethereum"}
	defer s.begin().stop()
	s.feed.add(persistence.Change{Collection: persistence.Orders, ID: "polygon/seaport/1", Document: json.RawMessage("{}")})
	s.feed.add(persistence.Change{Collection: persistence.Actors, ID: "ethereum"})
	s.want("")
	s.put("1")
	s.want("1:put")
}

// Many events, or large ones, are split into several deliveries.
func TestDeliveriesAreBounded(t *testing.T) {
	s := newScene(t)
	large, _ := json.Marshal(map[string]string{"a": strings.Repeat("x", maxBytes/2)})
	for range 5 {
		s.feed.add(persistence.Change{Collection: persistence.Orders, ID: "c/m/l", Document: large})
	}
	s.put(slices.Repeat([]string{"s"}, 2*maxEvents+1)...)
	defer s.begin().stop()
	if events := strings.Count(s.got(), "put"); events != 5+2*maxEvents+1 {
		t.Errorf("%d events", events)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bodies {
		size := 0
		for _, e := range b.Events[:len(b.Events)-1] {
			size += len(e.Document)
		}
		if len(b.Events) > maxEvents || size >= maxBytes {
			t.Errorf("a delivery has %d events with more than %d bytes", len(b.Events), size)
		}
	}
}
