package supervision

import "github.com/asynkron/protoactor-go/actor"

// Schedule has the messages of an actor, named by its key, processed by run, in another
// goroutine than the caller's. A simulation has its own, which decides what runs next.
type Schedule func(key string, run func())

// WithMailbox gives an actor the mailbox that all actors here have. Its messages are
// processed by goroutines if schedule is nil.
func WithMailbox(schedule Schedule) actor.PropsOption {
	return actor.WithMailbox(func() actor.Mailbox { return newMailbox(schedule) })
}

// mailbox accepts messages from the moment its actor has an address. proto.actor registers the
// address before the mailbox has a dispatcher: the mailbox of an actor that is sent something
// in between is never scheduled, and its sender panics. Siblings address each other by name
// while they are spawned.
type mailbox struct {
	actor.Mailbox
	schedule   Schedule
	registered chan struct{} // closed once the mailbox has its dispatcher
}

func newMailbox(schedule Schedule) actor.Mailbox {
	return &mailbox{actor.Unbounded()(), schedule, make(chan struct{})}
}

// RegisterHandlers implements actor.Mailbox.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	if of, ok := invoker.(actor.Context); ok && m.schedule != nil {
		dispatcher = scheduled{dispatcher, KeyOf(of.Self()), m.schedule}
	}
	m.Mailbox.RegisterHandlers(invoker, dispatcher)
	close(m.registered)
}

// PostUserMessage implements actor.Mailbox.
func (m *mailbox) PostUserMessage(message any) {
	<-m.registered
	m.Mailbox.PostUserMessage(message)
}

// PostSystemMessage implements actor.Mailbox.
func (m *mailbox) PostSystemMessage(message any) {
	<-m.registered
	m.Mailbox.PostSystemMessage(message)
}

// scheduled is the dispatcher of one actor.
type scheduled struct {
	actor.Dispatcher
	key      string
	schedule Schedule
}

// Schedule implements actor.Dispatcher.
func (s scheduled) Schedule(run func()) { s.schedule(s.key, run) }
