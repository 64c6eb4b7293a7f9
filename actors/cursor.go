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
	flights     []flight // transitions that are not acknowledged yet
	trail       markets.Trail
	final       int64          // the height that was final when the trail was recorded; -1: unknown
	settled     bool           // sent is below finality and was found on the chain
	ancestor    *markets.Place // where it is to go back to
	lookup      attempt        // to find its place
	alone       page           // read for this observer only, while it is out of step
	reads       attempt        // of that page
}

// flight is a transition on its way, and the page that it holds.
type flight struct {
	view  *chains.View
	share *share
}

// out is how many transitions are not acknowledged yet.
func (c *cursor) out() int { return len(c.flights) }

// subscribe begins a new subscription: everything said before it is void.
func (c *cursor) subscribe(m messages.Subscribe) {
	c.land()
	c.drop()
	*c = cursor{
		name: c.name, pid: c.pid, lookup: c.lookup, reads: c.reads,
		subscribed: true, Subscription: m.Subscription, acked: m.At, sent: m.At, trail: m.Trail, final: m.Finalized,
	}
}

// land forgets what is under way.
func (c *cursor) land() {
	for _, f := range c.flights {
		f.share.release()
	}
	c.flights = nil
}

// drop gives up the page that was read for this observer.
func (c *cursor) drop() {
	c.alone.share.release()
	c.alone = page{}
}

// acknowledge takes in an ack, and says whether it was of this subscription.
func (c *cursor) acknowledge(m messages.Ack) bool {
	if !c.subscribed || m.Subscription != c.Subscription {
		return false
	}
	if m.At != c.acked {
		c.trail = c.trail.Push(m.At)
	}
	c.acked = m.At
	if len(c.flights) > 0 {
		f := c.flights[0]
		c.flights = c.flights[1:]
		f.share.release()
		c.final = f.view.Final.Seq // as in the observer's commit
		c.note(f.view)
	}
	if c.alone.batch != nil && c.acked.Reaches(c.alone.to) {
		c.drop()
	}
	return true
}

// send sends the observer a transition from where it stands, of a page that has a
// share. Once it is to go back, what it has executed beyond counts no longer.
func (c *cursor) send(l *life, t messages.Transition, s *share) {
	t.Subscription, t.From = c.Subscription, c.sent
	c.sent, c.settled, c.ancestor = t.To, false, nil
	if t.Batch == nil {
		c.acked, c.trail, c.final = t.To, c.trail.Cut(t.To), t.View.Final.Seq
	}
	c.flights = append(c.flights, flight{t.View, s.retain()})
	l.Send(c.pid, t)
}

// note takes in what a view tells of what is final.
func (c *cursor) note(view *chains.View) {
	if final, known := finalBelow(view, c.acked); known {
		c.final = final.Seq
		c.trail = c.trail.With(final)
	}
}

// finalized is the height up to which the trail is of final blocks.
func (c *cursor) finalized() int64 { return min(c.final, c.sent.Seq) }

// finalBelow is the view's final block if it is known to lead to a place.
func finalBelow(view *chains.View, at markets.Place) (markets.Place, bool) {
	return view.Final, at.Hash != "" && at.Seq >= view.Final.Seq && view.Stand(at) == chains.On
}
