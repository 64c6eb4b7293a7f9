package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/messages"
)

// cursor is one observer as its subject sees it.
type cursor struct {
	name       string
	pid        *actor.PID
	subscribed bool
	messages.Subscription
	acked, sent markets.Place
	out         int // transitions that are not acknowledged yet
	trail       markets.Trail
	final       bool           // sent is below finality and was found on the chain
	ancestor    *markets.Place // where it is to go back to
	seeking     bool
	unfound     *chains.View // the place is not looked for by this view again before a tick
	alone       page         // read for this observer only, while it is out of step
	reading     bool
}

// subscribe begins a new subscription: everything said before it is void.
func (c *cursor) subscribe(m messages.Subscribe) {
	*c = cursor{
		name: c.name, pid: c.pid, seeking: c.seeking, reading: c.reading,
		subscribed: true, Subscription: m.Subscription, acked: m.At, sent: m.At, trail: m.Trail,
	}
}

// acknowledge takes in an ack, and says whether it was of this subscription.
func (c *cursor) acknowledge(m messages.Ack) bool {
	if !c.subscribed || m.Subscription != c.Subscription {
		return false
	}
	if m.At != c.acked {
		c.trail = c.trail.Push(m.At)
	}
	c.acked, c.out = m.At, max(0, c.out-1)
	return true
}

// send sends the observer a transition from where it stands. Once it is to go
// back, what it has executed beyond counts no longer.
func (c *cursor) send(l *life, t messages.Transition) {
	t.Subscription, t.From = c.Subscription, c.sent
	c.sent, c.final, c.ancestor = t.To, false, nil
	if t.Batch == nil {
		c.acked, c.trail = t.To, c.trail.Cut(t.To)
	}
	c.out++
	l.Send(c.pid, t)
}
