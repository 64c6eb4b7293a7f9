package supervision

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// slow starts work that ends on request, and reports the messages that it receives.
type slow struct {
	started  chan *Incarnation
	finish   func(incarnation int64) chan struct{}
	received chan any
}

func (s *slow) Start(inc *Incarnation) {
	own := inc.Doc.Incarnation
	inc.Do(func(context.Context) any {
		<-s.finish(own)
		return own
	})
	s.started <- inc
}

func (s *slow) Receive(_ *Incarnation, message any) { s.received <- message }
func (s *slow) Stop(*Incarnation)                   {}

// The result of work that an earlier incarnation has started is dropped.
func TestResultsOfAnEarlierIncarnationAreDropped(t *testing.T) {
	store, err := embedded.Open(t.Context(), filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	log := slog.New(slog.DiscardHandler)
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return log }))
	defer system.Shutdown()
	var writes sync.WaitGroup
	env := &Env{
		System: system, Store: store, Log: log, Node: "test", Background: Background{&writes, new(sync.WaitGroup)},
		Strategy: New(Backoff{time.Millisecond, time.Millisecond}, log),
	}
	defer writes.Wait()
	finish := []chan struct{}{make(chan struct{}), make(chan struct{})}
	s := &slow{
		started: make(chan *Incarnation, 2), received: make(chan any, 2),
		finish: func(incarnation int64) chan struct{} { return finish[incarnation-1] },
	}
	props := Props(env, persistence.Claim{ID: "a", Chain: "chain", Epoch: 1}, func(context.Context) (int64, error) { return 1, nil }, func() Behaviour { return s })
	parent := system.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case *actor.Started:
			if _, err := c.SpawnNamed(props, "a"); err != nil {
				panic(err)
			}
		case Restart:
			m.Now()
		}
	}, actor.WithSupervisor(env.Strategy)))
	first := <-s.started
	system.Root.Send(ChildOf(parent, "a"), errors.New("hurt by the test"))
	second := <-s.started
	if first.Doc.Incarnation != 1 || second.Doc.Incarnation != 2 {
		t.Fatalf("incarnations %d and %d", first.Doc.Incarnation, second.Doc.Incarnation)
	}
	close(finish[0])
	first.aside.Wait() // its result is sent
	close(finish[1])
	if got := <-s.received; got != int64(2) {
		t.Errorf("the second incarnation received the result of incarnation %v", got)
	}
	if err := system.Root.StopFuture(parent).Wait(); err != nil {
		t.Error(err)
	}
}
