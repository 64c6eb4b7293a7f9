package supervision

import (
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// registering is a mailbox that is posted to between its address and its dispatcher.
type registering struct {
	actor.Mailbox
	before func()
}

func (m registering) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.before()
	m.Mailbox.RegisterHandlers(invoker, dispatcher)
}

// What is sent to an actor while it is being spawned arrives, and does the sender no harm.
func TestActorsThatAreBeingSpawnedCanBeSentTo(t *testing.T) {
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))
	defer system.Shutdown()
	received := make(chan any, 1)
	post := func() {
		go system.Root.Send(actor.NewPID(system.Address(), "child"), "early")
		for range 100 { // lets the message be posted, if it can be
			runtime.Gosched()
		}
	}
	props := actor.PropsFromFunc(func(c actor.Context) {
		if message, ok := c.Message().(string); ok {
			received <- message
		}
	}, actor.WithMailbox(func() actor.Mailbox { return registering{newMailbox(), post} }))
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
