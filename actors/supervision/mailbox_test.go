package supervision

import (
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// awaiting is a mailbox that gets its dispatcher only when a message is being posted to it.
type awaiting struct {
	actor.Mailbox
	send   func()
	posted chan struct{}
}

func (m awaiting) PostUserMessage(message any) {
	close(m.posted)
	m.Mailbox.PostUserMessage(message)
}

func (m awaiting) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	go m.send()
	<-m.posted
	for range 100 { // a mailbox that does not wait for its dispatcher fails now
		runtime.Gosched()
	}
	m.Mailbox.RegisterHandlers(invoker, dispatcher)
}

// A message to an actor that is being spawned is received, and does not fail its sender.
func TestActorsThatAreBeingSpawnedCanBeSentTo(t *testing.T) {
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))
	defer system.Shutdown()
	received := make(chan any, 1)
	send := func() { system.Root.Send(actor.NewPID(system.Address(), "child"), "early") }
	props := actor.PropsFromFunc(func(c actor.Context) {
		if message, ok := c.Message().(string); ok {
			received <- message
		}
	}, actor.WithMailbox(func() actor.Mailbox { return awaiting{newMailbox(nil), send, make(chan struct{})} }))
	if _, err := system.Root.SpawnNamed(props, "child"); err != nil {
		t.Fatal(err)
	}
	select {
	case message := <-received:
		if message != "early" {
			t.Errorf("received %v", message)
		}
	case <-time.After(20 * time.Second):
		t.Error("nothing is received")
	}
}
