// Package messages is what the actors of one stream, and those around them, say
// to each other. All messages are immutable.
//
// A subject moves its observers between places. A Transition is such a move: a
// batch, or a rollback. An observer makes one only when it stands exactly at From,
// and answers with the place it then stands at. Everything between a subject and an observer
// belongs to a numbered subscription; a message of another subscription is
// dropped. So nothing that was said before a crash, a restart or a
// reorganisation can be mistaken for what is said after it.
package messages

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// Subscription numbers what an observer asks for: it changes with every
// incarnation of the observer, and each time it subscribes anew.
type Subscription struct {
	Incarnation int64
	Number      int64
}

// Subscribe tells a subject where an observer stands. The subject goes on from
// there, or first rolls the observer back along its trail.
type Subscribe struct {
	Observer string
	Subscription
	At    markets.Place
	Trail markets.Trail // the places it can be rolled back to, oldest first
	// Finalized is the height that was final as of the observer's last commit, -1 if
	// that is not known. If the observer stands above it, the block at that height is
	// on the trail: to go back any further is a break of finality.
	Finalized int64
}

// Resubscribe asks an observer where it stands: the subject has been restarted
// and knows nothing.
type Resubscribe struct{}

// Transition is a move of one observer.
type Transition struct {
	Subscription
	From, To markets.Place
	// Batch is what lies between the places; nil when the move is a rollback.
	Batch *Batch
	// View is the chain as the subject saw it when it said this.
	View *chains.View
}

// Batch is what a stream holds between two places, decoded. One batch is shared
// by all of the stream's observers.
type Batch struct {
	Events      []markets.Event
	DeadLetters []markets.DeadLetter // what could not be decoded
}

// Ack tells a subject the place that an observer stands at, and that everything
// up to it is durable.
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
// held when its head was last seen.
type CaughtUp struct {
	Stream string // chain/market/stream
}

// Fenced says that another owner has taken the chain over: its actors stop.
type Fenced struct {
	Chain string
	Epoch int64
}
