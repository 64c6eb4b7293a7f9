package actors

import (
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

var errHurt = errors.New("hurt by the test")

// hurt fails a random actor below the chain, whatever it is at.
func (w *world) hurt() {
	ids := []string{"chain", "chain/head", "chain/market", "chain/market/orders"}
	for _, s := range w.streams {
		worker := "chain/market/" + s
		for range 2 { // most often those who do the work
			ids = append(ids, worker+"/subject", worker+"/"+activity, worker+"/"+observerOf(s))
		}
		ids = append(ids, worker)
	}
	w.fail(pick(w.r, ids...))
}

// fail fails an actor.
func (w *world) fail(id string) {
	w.node.system.Root.Send(actor.NewPID(w.node.system.Address(), rootName+"/"+id), errHurt)
}

// pause lets the node come along for a while, or not at all.
func (w *world) pause() { time.Sleep(time.Duration(w.r.IntN(3000)) * time.Microsecond) }
