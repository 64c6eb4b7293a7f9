package facts

import (
	"context"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// places are where a market's observers are.
type places struct {
	log, documents markets.Place // of the facts themselves
	others         markets.Place // the least of the other streams' documents
	furthest       markets.Place // the greatest of them
}

// destination is where an actor is, or will be once its transition is whole.
func destination(a persistence.Actor) markets.Place {
	if a.Pending == nil {
		return a.Place
	}
	return *a.Pending
}

// find reads where the market's observers are; paused streams are passed over. Until all of them have documents, which are
// created one after the other, and all are on the view's branch, it is not time yet: documents
// hold the events of those that are not.
func (m Market) find(ctx context.Context, store persistence.Querier, view *chains.View) (places, error) {
	filter := m.Ref.Documents()
	found, err := persistence.Collect[persistence.Actor](ctx, store, persistence.Query{
		Collection: persistence.Actors, Filter: persistence.Filter{Condition: filter},
	})
	if err != nil {
		return places{}, err
	}
	at := map[string]markets.Place{} // of the documents, by stream
	paused := map[string]bool{}
	var p places
	hasLog := false
	for _, a := range found {
		switch {
		case a.Kind == "worker":
			paused[a.Stream] = a.Paused
		case a.Kind != "observer":
		case a.Documents:
			at[a.Stream] = a.Place
			if to := destination(a); to.Seq > p.furthest.Seq {
				p.furthest = to
			}
		case a.Stream == markets.StateStream:
			p.log, hasLog = a.Place, true
		}
	}
	var hasDocuments bool
	if p.documents, hasDocuments = at[markets.StateStream]; !hasLog || !hasDocuments {
		return p, notYet("the observers of facts have not started")
	}
	first := true
	for _, stream := range m.Streams {
		if paused[stream] {
			continue
		}
		place, ok := at[stream]
		if !ok {
			return p, notYet("the documents of the stream " + stream + " have not started")
		}
		if !mayBeOn(view, place) {
			return p, notYet("the documents of the stream " + stream + " are on another branch")
		}
		if first || place.Seq < p.others.Seq {
			p.others, first = place, false
		}
	}
	if first {
		return p, notYet("the market's other streams are paused")
	}
	return p, nil
}
