package actors

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// inherited is what a stream's observers have of an earlier definition of the stream.
type inherited struct {
	changed []string // aspects of the definition
	backlog *backlog
}

// backlog is a part of the log that was decoded by an earlier definition and is not folded into
// documents yet. It must be folded as it is: documents of the same events decoded again would
// not be those of the log, and a rollback would not find them.
type backlog struct {
	end    markets.Place
	folded atomic.Bool
}

// beyond is the backlog's end if that lies beyond a place of the observer of documents. Once it
// does not, it never does again: after a rollback the end may be on another branch.
func (b *backlog) beyond(at markets.Place) (end markets.Place, left bool) {
	if b == nil || b.folded.Load() {
		return markets.Place{}, false
	}
	if at.Reaches(b.end) {
		b.folded.Store(true)
		return markets.Place{}, false
	}
	return b.end, true
}

// inherit finds what the stream's observers have of an earlier definition. An observer of
// documents under another name is replaced by today's.
func (w worker) inherit(ctx context.Context, epoch int64, observers []persistence.Actor) (inherited, error) {
	i := slices.IndexFunc(observers, func(a persistence.Actor) bool { return a.ID == w.claim("observer", activity).ID })
	if i < 0 {
		return inherited{}, nil
	}
	log := observers[i]
	meaning := log.Under(w.Meaning)
	if meaning == nil || w.Observer == "" && len(meaning.Changed) == 0 {
		return inherited{}, nil
	}
	if w.Observer == "" {
		return inherited{changed: meaning.Changed}, nil
	}
	if err := w.replaceDocuments(ctx, epoch, observers, log, len(meaning.Changed) > 0); err != nil || len(meaning.Changed) == 0 {
		return inherited{}, err
	}
	end := log.Place
	if log.Pending != nil { // a rollback, which the documents have made
		end = *log.Pending
	}
	return inherited{changed: meaning.Changed, backlog: &backlog{end: end}}, nil
}

// replaceDocuments has the observer of the stream's documents go on from where that of another
// name is, which keeps no documents from then on. Where there is none, the log has nothing for
// documents: the observer goes on from where the log is.
func (w worker) replaceDocuments(ctx context.Context, epoch int64, observers []persistence.Actor, log persistence.Actor, changed bool) error {
	own := w.claim("observer", w.Observer)
	own.Node, own.Epoch, own.Start = w.Node, epoch, w.start
	own.Documents = true
	others := slices.DeleteFunc(slices.Clone(observers), func(a persistence.Actor) bool { return !a.Documents || a.ID == own.ID })
	keeps := slices.ContainsFunc(observers, func(a persistence.Actor) bool { return a.Documents && a.ID == own.ID })
	if !keeps && (changed || len(others) > 0) {
		from := log
		if len(others) > 0 {
			from = others[0]
		}
		if err := w.continueFrom(ctx, own, from); err != nil {
			return err
		}
	}
	for _, other := range others {
		_, err := w.Store.Claim(ctx, persistence.Claim{
			ID: other.ID, Kind: persistence.RetiredKind, Chain: other.Chain, Market: other.Market, Stream: other.Stream, Node: w.Node, Epoch: epoch,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// continueFrom moves an observer to the place of another, before it keeps documents.
func (w worker) continueFrom(ctx context.Context, own persistence.Claim, other persistence.Actor) error {
	apart := own
	apart.Kind, apart.Documents = persistence.RetiredKind, false
	a, err := w.Store.Claim(ctx, apart)
	if err != nil {
		return err
	}
	move := persistence.Move{Actor: a.Ref(), From: a.Place, To: other.Place, Pending: other.Pending, Trail: other.Trail, Events: other.Events - a.Events, Report: a.Report}
	if err := w.Store.Commit(ctx, w.market, []persistence.Move{move}, nil); err != nil {
		return err
	}
	_, err = w.Store.Claim(ctx, own)
	return err
}

// warn says what has changed and what to do.
func (i inherited) warn(inc *supervision.Incarnation, w worker) {
	if len(i.changed) > 0 {
		inc.Log.Warn("the definition has changed since the stream's documents were made, new events follow the new one: have the others decoded or read again with event-worker redecode --changed",
			"stream", w.id(), "changed", strings.Join(i.changed, ", "))
	}
}
