// Package chains hides what differs between chains: heads and finality, reading
// a stream's events, and what a reorganisation is.
package chains

import (
	"context"
	"errors"

	"github.com/imart/event-worker/markets"
)

// Errors of chains, the part of them that the actors answer.
var (
	// ErrAhead says that the chain has not reached what was asked for, or that this
	// endpoint has not.
	ErrAhead = errors.New("ahead of the chain's head")
	// ErrReorganised says that a block of the view is no longer on the chain: the
	// next view will tell.
	ErrReorganised = errors.New("the chain was reorganised")
	// ErrGap says that an event is missing from what must be without gaps.
	ErrGap = errors.New("gap in the chain's events")
	// ErrWrongChain says that an endpoint serves another chain than configured.
	ErrWrongChain = errors.New("wrong chain")
	// ErrFinality says that finality was broken and the break is not confirmed yet: the
	// chain stands, and nothing is rolled back.
	ErrFinality = errors.New("finality was broken")
	// ErrPruned says that no endpoint has the history asked for any more.
	ErrPruned = errors.New("the history asked for was pruned")
)

// Chain reads one network. Its methods may be called at once from many
// goroutines; all of them end when the context does.
type Chain interface {
	// Advance looks at the chain's head and returns what is there now, given what was
	// known; known is nil at first. It returns known itself when nothing is new: a
	// head that goes backwards is a lagging node until parent hashes prove a
	// reorganisation. ErrFinality: a break of finality is not confirmed yet.
	Advance(ctx context.Context, known *View) (*View, error)

	// Read returns the raw events of a stream behind a place, in order, and the place
	// that they lead to. A range without events is progress too; a page whose To is
	// after says that there is nothing to read yet. The page goes no further than
	// through, if through is not negative (a seq), and holds about limit events or
	// fewer: all events of one seq come together.
	//
	// Above the view's finality it reads by block hash: what it returns is on the
	// view's branch or the error is ErrReorganised.
	Read(ctx context.Context, view *View, source markets.Source, after markets.Place, through int64, limit int) (Page, error)

	// Ancestor returns the newest place of the trail that lies on the view's branch,
	// asking the chain where the view does not tell. It reports false when not even
	// the oldest does. ErrAhead: the view has not reached the trail's end.
	//
	// final is the height up to which the chain was final when the trail was recorded,
	// -1 if that is not known. An ancestor below it is a break of finality, also one
	// that happened while nobody looked: the error is ErrFinality until it is confirmed.
	Ancestor(ctx context.Context, view *View, trail markets.Trail, final int64) (markets.Place, bool, error)

	// Heads signals that the chain may have a new head; nil where nothing does. It is a
	// hint for one receiver: who waits for it polls all the same.
	Heads() <-chan struct{}

	// Endpoints is how the chain's endpoints are doing.
	Endpoints() []EndpointStatus

	// Close releases connections.
	Close()
}

// Page is what Read returns.
type Page struct {
	To   markets.Place
	Raws []markets.Raw
}
