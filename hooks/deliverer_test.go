package hooks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/persistence"
)

// scene is a hook that has begun, on an embedded store.
type scene struct {
	*testing.T
	*receiver
	hook    Hook
	feed    *memoryFeed
	store   persistence.Store
	cursors persistence.HookStore
	moves   *moves
}

func newScene(t *testing.T, manners ...manner) *scene {
	store, to := stores["embedded"](t), newReceiver(t, manners...)
	s := &scene{T: t, receiver: to, hook: to.hook("h"), feed: newMemoryFeed(), store: store, cursors: store.(persistence.HookStore), moves: &moves{all: map[string]string{}}}
	s.begin().stop()
	return s
}

// begin starts a process, and waits until it delivers.
func (s *scene) begin() *process {
	epoch := hookOf(s, s.store, "h").Epoch
	p := start(s, s.cursors, s.feed, s.hook, quick, s.moves)
	awaitThat(s, "the hook is claimed", func() bool { return hookOf(s, s.store, "h").Epoch > epoch })
	return p
}

func (s *scene) put(ids ...string) {
	for _, id := range ids {
		s.feed.add(persistence.Change{Collection: persistence.Activities, ID: "ethereum/seaport/" + id, Document: json.RawMessage("{}")})
	}
}

// got waits until the hook is at the feed's end, and returns the received events in short.
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

// A process is killed after the receiver has processed a delivery and before it has said so, and
// the feed has grown when the next one continues: the delivery has the same events again.
func TestKilledWithinADelivery(t *testing.T) {
	s := newScene(t, hangsLate)
	p := s.begin()
	s.put("1", "2")
	s.awaitRequest(20 * time.Second)
	p.kill()
	s.put("3")
	defer s.begin().stop()
	s.want("1:put 2:put 3:put")
}

// A hook that was stopped for too long tells its receiver so, once, and continues.
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

// A process that stops waits for the delivery in flight, but not for long.
func TestStop(t *testing.T) {
	for answers, at := range map[manner]string{accepts: "p1", hangs: "p0"} {
		t.Run(string(answers), func(t *testing.T) {
			s := newScene(t, answers)
			p := s.begin()
			s.put("1")
			s.awaitRequest(20 * time.Second)
			p.stop()
			if hook := hookOf(t, s.store, "h"); hook.Position != at || hook.Node != "" {
				t.Errorf("it stops with %+v, want position %s", hook, at)
			}
			defer s.begin().stop()
			s.want("1:put")
		})
	}
}

// A delivery that is refused is a dead hook; later ones follow. Neither documents nor failures
// have the URL's secrets.
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

// Changes that the hook does not want move it on, too.
func TestUnwantedChangesMoveTheHook(t *testing.T) {
	s := newScene(t)
	s.hook.Chains = []string{"ethereum"}
	defer s.begin().stop()
	s.feed.add(persistence.Change{Collection: persistence.Orders, ID: "polygon/seaport/1", Document: json.RawMessage("{}")})
	s.feed.add(persistence.Change{Collection: persistence.Actors, ID: "ethereum"})
	s.want("")
	s.put("1")
	s.want("1:put")
}

// Large and many events are delivered in several deliveries.
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
