package mongo_test

import (
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// A commit with one document that the server refuses, a duplicate or one that its
// validator rejects, is an error and writes nothing.
func TestRefusedDocuments(t *testing.T) {
	c, actor := takeOver(t, mongotest.Database(t), "node")
	c.commits(t, &actor, 3)
	event := markets.Event{Kind: markets.Listed, Stream: "list", Seq: 4, Order: "new"}
	double := read[markets.Activity](t, c.store, persistence.Activities, disputed)[0]
	unknown, fine := event, event
	unknown.Kind = "guessed"
	for name, log := range map[string][]markets.Activity{
		"double":  {{Chain: chain, Market: disputed, Event: fine}, double},
		"unknown": {{Chain: chain, Market: disputed, Event: unknown}, {Chain: chain, Market: disputed, Event: fine}},
	} {
		move := persistence.Move{Actor: actor.Ref(), From: actor.Place, To: markets.Place{Seq: 4}}
		err := c.store.Commit(t.Context(), c.ref(), []persistence.Move{move}, func(tx persistence.Tx) error { return tx.Append(log, nil) })
		if err == nil {
			t.Errorf("a log with a document that is %s is committed", name)
		}
		if at := whole(t, c.store, disputed); at != 3 {
			t.Errorf("after a log with a document that is %s, the actor is at %d", name, at)
		}
	}
	c.commits(t, &actor, 1)
	whole(t, c.store, disputed)
}
