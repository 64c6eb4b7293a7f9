// Package messages has the messages between the actors of a stream, and those around
// them. All messages are immutable.
//
// A subject takes its observers from place to place, each by transitions: over a batch
// of events, or back to a common ancestor. An observer executes a transition only when
// it is exactly at From, and acknowledges with the place at which it then is.
// Everything between a subject and an observer belongs to a numbered subscription; a
// message of another subscription is dropped. So a message from before a crash, a restart
// or a reorganisation cannot be mistaken for one from after it:
//
//	observer                                    subject
//	   ── Subscribe{#1, at 7 0xaa} ──────────▶
//	   ◀───── Execute{#1, batch, 7 0xaa → 9 0xcc} ──
//	   ── Ack{#1, at 9 0xcc} ────────────────▶      block 9 is 0xcd by now
//	   ◀── Execute{#1, rollback, 9 0xcc → 7 0xaa} ──
package messages

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// Subscription numbers what an observer asks for: it changes with every incarnation
// of the observer, and each time that it subscribes again.
type Subscription struct {
	Incarnation int64
	Number      int64
}

// Subscribe tells a subject an observer's place. The subject goes on from there, or
// first rolls the observer back along its trail.
type Subscribe struct {
	Observer string
	Subscription
	At    markets.Place
	Trail markets.Trail // the places it can be rolled back to, oldest first
	// Finalized is the height that was final as of the observer's last commit, -1 if
	// that is not known. If the observer is above it, the block at that height is on the
	// trail: to go back any further is a finality violation.
	Finalized int64
}

// Resubscribe asks an observer for its place: the subject has been restarted and knows
// nothing.
type Resubscribe struct{}

// Execute tells an observer to make a transition.
type Execute struct {
	Subscription
	markets.Transition
	// View is the chain as the subject saw it when it sent this.
	View *chains.View
}

// Ack tells a subject an observer's place, and that everything up to it is durable.
type Ack struct {
	Observer string
	Subscription
	At markets.Place
}

// Head is the chain as its head actor last saw it.
type Head struct {
	View *chains.View
}

// HeadRequest asks the parent for the Head.
type HeadRequest struct{ ReplyTo *actor.PID }

// CaughtUp says that all of a stream's observers have executed what the chain
// held when its head was last seen, or that the stream is paused: no actor waits for it.
type CaughtUp struct {
	Stream string // chain/market/stream
	Paused bool
}

// Fenced says that another owner has taken the chain over: its actors stop.
type Fenced struct {
	Chain string
	Epoch int64
}
