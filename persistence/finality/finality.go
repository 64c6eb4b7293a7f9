// Package finality tells which documents are final: those that no reorganisation can
// change any more. Nothing of it is stored. It follows from how far a stream's
// observers have come, and up to which height the chain was final when they were last
// seen on its branch. The head's own height would not do: while a worker was down the
// chain may have become final above blocks that were abandoned meanwhile, and that are
// still in the documents until the observers are rolled back.
package finality

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/imart/event-worker/persistence"
)

// Field is the name of the field that documents do not have and queries know.
const Field = "final"

// heights are where the documents have the height of the last event that they have
// taken in, by collection.
var heights = map[string]string{
	persistence.Orders:     "last.height",
	persistence.Activities: "position.height",
}

// Of says whether the documents of a collection can be told to be final.
func Of(collection string) bool { return heights[collection] != "" }

// everything is the horizon of what cannot be reorganised.
const everything = math.MaxInt64

// Horizon is up to which heights documents are final. The zero Horizon knows of none.
type Horizon struct {
	collection string
	scopes     []scope // in order
}

// scope is a part of a collection that is final up to a height.
type scope struct {
	chain, market string
	stream        string // of activities
	height        int64
}

// Read reads the horizon of a collection of which finality is told. It holds for
// documents that are read later.
func Read(ctx context.Context, docs interface {
	Query(ctx context.Context, query persistence.Query) iter.Seq2[json.RawMessage, error]
}, collection string) (Horizon, error) {
	h, heads, observers := Horizon{collection: collection}, map[string]persistence.Actor{}, []persistence.Actor{}
	telling := persistence.Or{persistence.Is("kind", "head"), persistence.Is("kind", "observer")}
	for raw, err := range docs.Query(ctx, persistence.Query{Collection: persistence.Actors, Filter: persistence.Filter{Condition: telling}}) {
		var a persistence.Actor
		if err == nil {
			err = json.Unmarshal(raw, &a)
		}
		switch {
		case err != nil:
			return Horizon{}, fmt.Errorf("reading what is final: %w", err)
		case a.Kind == "head":
			heads[a.Chain] = a
		default:
			observers = append(observers, a)
		}
	}
	for _, a := range observers {
		switch {
		case collection == persistence.Orders && a.Documents: // made of all of the market's streams
			h.add(scope{chain: a.Chain, market: a.Market, height: height(a, heads[a.Chain])})
		case collection == persistence.Activities && !a.Documents:
			h.add(scope{chain: a.Chain, market: a.Market, stream: a.Stream, height: height(a, heads[a.Chain])})
		}
	}
	slices.SortFunc(h.scopes, scope.compare)
	return h, nil
}

// height is up to where what an observer has written is final. One that stands at no
// block has written nothing yet, or is of a chain that cannot be reorganised.
func height(observer, head persistence.Actor) int64 {
	switch {
	case observer.Hash != "":
		return observer.Finalized
	case head.Hash == "" && head.Head > 0:
		return everything
	}
	return head.Finalized
}

// add takes in a scope. What several observers write is final as far as each is.
func (h *Horizon) add(s scope) {
	for i, known := range h.scopes {
		if known.compare(s) == 0 {
			h.scopes[i].height = min(known.height, s.height)
			return
		}
	}
	h.scopes = append(h.scopes, s)
}

// compare orders scopes by chain, market and stream.
func (s scope) compare(o scope) int {
	return cmp.Or(cmp.Compare(s.chain, o.chain), cmp.Compare(s.market, o.market), cmp.Compare(s.stream, o.stream))
}

// Height is the greatest final height of a part of a collection: of a market or, of
// activities, a stream. It is math.MaxInt64 for a chain that cannot be reorganised.
type Height struct {
	Chain, Market, Stream string
	Height                int64
}

// Heights returns the horizon's parts.
func (h Horizon) Heights() []Height {
	out := make([]Height, len(h.scopes))
	for i, s := range h.scopes {
		out[i] = Height{s.chain, s.market, s.stream, s.height}
	}
	return out
}

// Final says whether a document of the collection is final.
func (h Horizon) Final(doc json.RawMessage) (bool, error) {
	var d struct {
		Chain, Market, Stream string
		Last, Position        struct{ Height int64 }
	}
	if err := json.Unmarshal(doc, &d); err != nil {
		return false, err
	}
	of, at := scope{chain: d.Chain, market: d.Market}, d.Last.Height
	if h.collection == persistence.Activities {
		of.stream, at = d.Stream, d.Position.Height
	}
	i, known := slices.BinarySearchFunc(h.scopes, of, scope.compare)
	return known && at <= h.scopes[i].height, nil
}

// Mark is a document of the collection with whether it is final behind its fields.
func (h Horizon) Mark(doc json.RawMessage) (json.RawMessage, error) {
	final, err := h.Final(doc)
	if err != nil {
		return nil, err
	}
	const longest = len(`,"final":false}`)
	marked := append(make([]byte, 0, len(doc)+longest), doc[:len(doc)-1]...)
	return fmt.Appendf(marked, ",%q:%t}", Field, final), nil
}
