package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
)

func TestMain(m *testing.M) {
	thorough.Checks(25) // each waits for leases
	os.Exit(mongotest.Main(m))
}

var quiet = slog.New(slog.DiscardHandler)

// stores are the stores on which hooks are tested.
var stores = map[string]func(t testing.TB) persistence.Store{
	"embedded": func(t testing.TB) persistence.Store {
		store, err := embedded.Open(t.Context(), t.TempDir())
		return opened(t, store, err)
	},
	"mongodb": func(t testing.TB) persistence.Store {
		store, err := mongo.Open(t.Context(), mongotest.Database(t))
		return opened(t, store, err)
	},
}

func opened(t testing.TB, store persistence.Store, err error) persistence.Store {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// A receiver that ignores known deliveries gets every event exactly once and in order, except
// for those in dead hooks: whatever it answers, and whichever of two processes is killed,
// frozen or restarted, or loses answers of the store.
func TestEventsArriveOnceAndInOrder(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, runs := open(t), 0
			rapid.Check(t, func(rt *rapid.T) {
				runs++
				history(t, rt, store, fmt.Sprint("hook-", runs))
			})
		})
	}
}

func history(t *testing.T, rt *rapid.T, store persistence.Store, name string) {
	to := newReceiver(t, rapid.SliceOfN(rapid.SampledFrom(manners), 0, 12).Draw(rt, "manners")...)
	defer to.stop()
	hook, feed, all := to.hook(name), newMemoryFeed(), &moves{all: map[string]string{}}
	hook.GiveUp = rapid.SampledFrom([]time.Duration{time.Hour, 3 * time.Millisecond}).Draw(rt, "give up")
	cursors := store.(persistence.HookStore)
	running := make([]*process, 2)
	defer func() {
		for _, p := range running {
			if p != nil {
				p.stop()
			}
		}
	}()
	begin := func(i int) { running[i] = start(t, cursors, feed, hook, quick, all) }
	begin(0)
	awaitThat(rt, "the hook begins", func() bool { return hookOf(rt, store, name).Epoch > 0 })
	begin(1)
	var want []event
	for i, action := range rapid.SliceOfN(rapid.SampledFrom([]string{"grow", "grow", "kill", "kill", "stop", "freeze", "thaw", "lose", "wait", "sent", "sent"}), 1, 14).Draw(rt, "actions") {
		which := rapid.IntRange(0, 1).Draw(rt, "process")
		switch p := running[which]; action {
		case "grow":
			changes := rapid.SliceOfN(rapid.Custom(anyChange), 1, 8).Draw(rt, "changes")
			for n := range changes {
				changes[n].ID = fmt.Sprintf("%s%d.%d", changes[n].ID, i, n)
				if changes[n].Collection != persistence.Actors {
					want = append(want, event{Collection: changes[n].Collection, ID: changes[n].ID})
				}
			}
			feed.add(changes...)
		case "kill":
			p.kill()
			begin(which)
		case "stop":
			p.stop()
			begin(which)
		case "freeze":
			p.freeze()
		case "thaw":
			p.thaw()
		case "lose":
			p.lose(rapid.IntRange(1, 4).Draw(rt, "answers"))
		case "sent":
			to.awaitRequest(50 * time.Millisecond) // none may come
		case "wait": // varies the interleaving
			time.Sleep(time.Duration(rapid.IntRange(1, 30).Draw(rt, "ms")) * time.Millisecond)
		}
	}
	for _, p := range running {
		p.thaw()
	}
	settled := func() bool {
		events, _ := to.received()
		return len(events)+len(deadEvents(rt, store, name)) >= len(want) && hookOf(rt, store, name).Plan == nil && all.reach(feed)
	}
	awaitThat(rt, "all events are delivered or dead", settled)
	for i, p := range running {
		p.stop()
		running[i] = nil
	}
	got, wrong := to.received()
	if len(wrong) > 0 || all.err != nil {
		rt.Fatal(wrong, all.err)
	}
	dead := map[string]bool{}
	for _, e := range deadEvents(rt, store, name) {
		dead[e.ID] = true
	}
	for _, w := range want {
		switch {
		case len(got) > 0 && got[0].ID == w.ID:
			got = got[1:] // it may be dead, too, if the receiver processed it but answered with a failure
		case !dead[w.ID]:
			rt.Fatalf("%s is missing before %+v", w.ID, got)
		}
	}
	if len(got) > 0 {
		rt.Fatalf("unexpected or out of order: %+v", got)
	}
}

func anyChange(t *rapid.T) persistence.Change {
	c := persistence.Change{Collection: rapid.SampledFrom([]string{persistence.Orders, persistence.Activities, persistence.Actors}).Draw(t, "collection"), ID: "ethereum/seaport/"}
	if rapid.Bool().Draw(t, "put") {
		c.Document = json.RawMessage(`{"a":"<&>é"}`)
	}
	return c
}

// reach reports whether the moves lead to the feed's end.
func (m *moves) reach(feed *memoryFeed) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	newest, _ := feed.Newest(context.Background())
	at := "p0"
	for range m.all {
		at = m.all[at]
		if at == newest {
			return true
		}
	}
	return at == newest
}

func hookOf(t interface{ Fatal(...any) }, store persistence.Store, name string) persistence.Hook {
	found, err := persistence.Collect[persistence.Hook](ctx(t), store, persistence.Query{Collection: persistence.Hooks, Filter: persistence.Filter{Condition: persistence.Equals("_id", name)}})
	if err != nil {
		t.Fatal(err)
	}
	return append(found, persistence.Hook{})[0]
}

func deadOf(t interface{ Fatal(...any) }, store persistence.Store, name string) []persistence.DeadHook {
	found, err := persistence.Collect[persistence.DeadHook](ctx(t), store, persistence.Query{Collection: persistence.DeadHooks, Filter: persistence.Filter{Condition: persistence.Equals("hook", name)}})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func deadEvents(t interface{ Fatal(...any) }, store persistence.Store, name string) (events []event) {
	for _, d := range deadOf(t, store, name) {
		var b body
		if err := json.Unmarshal([]byte(d.Body), &b); err != nil {
			t.Fatal(err)
		}
		if b.ID != d.ID || int(d.Events) != len(b.Events) || b.Position != d.Position || d.Reason == "" || d.Attempts == 0 {
			t.Fatal(fmt.Sprintf("%+v", d))
		}
		events = append(events, b.Events...)
	}
	return events
}

// awaitThat waits until a condition holds.
func awaitThat(t interface{ Fatal(...any) }, what string, holds func() bool) {
	for until := time.Now().Add(20 * time.Second); !holds(); time.Sleep(3 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("timeout before " + what)
		}
	}
}
