package chains

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/markets"
)

// The errors of chains that the actors act on.
var (
	// ErrAhead: the chain, or the endpoint, has not reached what was asked for yet.
	ErrAhead = errors.New("ahead of the chain's head")
	// ErrReorganised: a block of the view is no longer on the chain. The next view shows
	// what is.
	ErrReorganised = errors.New("the chain was reorganised")
	// ErrWaits: the stream is read once what it depends on is executed: its market's other
	// streams, or its own log. They say what is wrong, if anything is.
	ErrWaits = errors.New("waiting for what the stream depends on")
	// ErrGap: an event is missing from a sequence that has no gaps.
	ErrGap = errors.New("gap in the chain's events")
	// ErrWrongChain: an endpoint serves another chain than the configured one.
	ErrWrongChain = errors.New("wrong chain")
	// ErrFinality: a final block is no longer on the chain, and that is not confirmed yet.
	// The chain is stalled, and nothing is rolled back.
	ErrFinality = errors.New("finality was broken")
	// ErrNoMethod: no endpoint offers what is asked for at all, such as calls of contracts.
	ErrNoMethod = errors.New("no endpoint has the method")
	// ErrPruned: no endpoint has the history asked for any more.
	ErrPruned = errors.New("the history asked for was pruned")
)

// Chain reads one network. Its methods may be called concurrently; all of them return when
// the context ends.
type Chain interface {
	// Advance asks for the chain's head and returns the view of it, given the last view,
	// nil at first. It returns known itself when nothing is new. A head that goes backwards
	// is a lagging node until parent hashes prove a reorganisation. ErrFinality: a finality
	// violation is not confirmed yet.
	Advance(ctx context.Context, known *View) (*View, error)

	// Read returns the raw events of a stream after a place, in order, and the place they
	// lead to. A range without events is progress too; Page.To equal to after means that
	// there is nothing to read yet. The page ends at the seq through at the latest, unless
	// that is negative, and holds about limit events: all events of one seq come together.
	//
	// Above the view's finality it reads by block hash: what it returns is on the
	// view's branch or the error is ErrReorganised.
	Read(ctx context.Context, view *View, source markets.Source, after markets.Place, through int64, limit int) (Page, error)

	// Ancestor returns the newest place of the trail that is on the view's branch, asking
	// the chain about places below the view. It reports false when not even the oldest is.
	// ErrAhead: the view has not reached the trail's end.
	//
	// final is the height up to which the chain was final when the trail was recorded, -1 if
	// unknown. An ancestor below it is a finality violation, even one that happened while
	// nothing ran: the error is ErrFinality until it is confirmed.
	Ancestor(ctx context.Context, view *View, trail markets.Trail, final int64) (markets.Place, bool, error)

	// Heads signals that the chain may have a new head; nil if the chain has no such signal.
	// It is a hint for one receiver, which must poll all the same.
	Heads() <-chan struct{}

	// Endpoints returns the status of each endpoint.
	Endpoints() []EndpointStatus

	// Close releases connections.
	Close()
}

// Page is what Read returns.
type Page struct {
	To   markets.Place
	Raws []markets.Raw
}

// Check returns an error unless the page leads on from a place: it does not end before the
// place, and its events lie between both, in order.
func (p Page) Check(after markets.Place) error {
	if p.To.Seq < after.Seq {
		return fmt.Errorf("page ends at %d, before its start at %d", p.To.Seq, after.Seq)
	}
	last := after.Seq
	for i := range p.Raws {
		seq := p.Raws[i].Seq
		if seq <= after.Seq || seq < last || seq > p.To.Seq {
			return fmt.Errorf("page from %d to %d holds an event of %d behind one of %d", after.Seq, p.To.Seq, seq, last)
		}
		last = seq
	}
	return nil
}
