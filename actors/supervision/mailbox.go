package supervision

import "github.com/asynkron/protoactor-go/actor"

// mailbox accepts messages from the moment its actor has an address. proto.actor registers the
// address before the mailbox has a dispatcher: the mailbox of an actor that is sent something
// in between is never scheduled, and its sender panics. Siblings address each other by name
// while they are spawned.
type mailbox struct {
	actor.Mailbox
	registered chan struct{} // closed once the mailbox has its dispatcher
}

func newMailbox() actor.Mailbox {
	return &mailbox{actor.Unbounded()(), make(chan struct{})}
}

// RegisterHandlers implements actor.Mailbox.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
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
