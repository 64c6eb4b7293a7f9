package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// unfenced is a store that commits on no condition: a move that its actor does
// not stand for is made from where the actor stands.
type unfenced struct{ persistence.Store }

func (u unfenced) Commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(tx persistence.Tx) error) error {
	for {
		err := u.Store.Commit(ctx, market, moves, do)
		if !errors.Is(err, persistence.ErrFenced) {
			return err
		}
		for doc, err := range u.Query(ctx, persistence.Query{Collection: persistence.Actors}) {
			var actor persistence.Actor
			if err := errors.Join(err, json.Unmarshal(doc, &actor)); err != nil {
				return err
			}
			for i := range moves {
				if moves[i].Actor.ID == actor.ID {
					moves[i].Actor, moves[i].From = actor.Ref(), actor.Place
				}
			}
		}
	}
}

// The races of the suite are lost by a store without the condition.
func TestTheConditionIsWhatDecidesRaces(t *testing.T) {
	for name, race := range map[string]func(context.Context, persistence.Store) error{"oneLands": oneLands, "takenOver": takenOver} {
		t.Run(name, func(t *testing.T) {
			store, err := embedded.Open(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			if err := race(t.Context(), store); err != nil {
				t.Fatal(err)
			}
			if err := race(t.Context(), unfenced{store}); err == nil {
				t.Error("nobody noticed")
			}
		})
	}
}
