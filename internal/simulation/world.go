package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/imart/event-worker/chains/faults"
	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/persistence"
)

// world is everything that is simulated.
type world struct {
	*scheduler
	server    *server
	receiver  *devnet.Receiver // of the webhook
	backup    *devnet.Receiver // what it was when the server was saved
	models    []devnet.Model   // of its chains
	profiles  []*faults.Profile
	processes []*process // the latest of each worker
	ended     []*process // those before
	starts    int        // of processes
	asked     int        // requests
	calm      bool       // no more faults and blocks
	lasting   int        // faults that have not ended
	counts    map[string]int
	errs      []error // of the simulation itself
}

const (
	workerCount = 3
	chainCount  = 3
	// blockTime is the mean time between two blocks of a chain.
	blockTime = 12 * time.Second
)

// newWorld returns a world whose server keeps its data in a folder, with some blocks on each
// chain, and all workers started.
func newWorld(seed uint64, dir string) (*world, error) {
	w := &world{scheduler: newScheduler(rand.New(rand.NewPCG(seed, 0))), counts: map[string]int{}, profiles: faults.Profiles()}
	var err error
	if w.server, err = openServer(dir); err != nil {
		return nil, err
	}
	w.receiver = devnet.NewReceiver(rand.New(rand.NewPCG(seed, 1)))
	if err := w.server.registerWebhook(context.Background()); err != nil {
		return nil, err
	}
	for i := range chainCount {
		c := devnet.NewChain(fmt.Sprint("chain-", i+1), uint64(1000+i))
		for range w.r.IntN(3 * devnet.Finality) {
			c.Mine(w.r)
		}
		m, err := devnet.NewModel(c)
		if err != nil {
			return nil, err
		}
		w.models = append(w.models, m)
		w.mine(c)
	}
	w.suffer()
	for i := range workerCount {
		p, err := w.boot(fmt.Sprint("worker-", i+1))
		if err != nil {
			return nil, err
		}
		w.processes = append(w.processes, p)
	}
	return w, nil
}

// mine has a chain grow for as long as the world is not calm.
func (w *world) mine(c *devnet.Chain) {
	w.after(time.Duration(w.r.Int64N(int64(2*blockTime))), "a block of "+c.Name, func() {
		if w.calm {
			return
		}
		if c.Grow(w.r) > 0 {
			w.counts["reorganisations"]++
		}
		w.counts["blocks"]++
		w.mine(c)
	})
}

// actors returns the documents of the actors of a kind.
func (w *world) actors(kind string) []persistence.Actor {
	actors, err := persistence.Collect[persistence.Actor](context.Background(), w.server.store, persistence.Query{
		Collection: persistence.Actors, Filter: persistence.Filter{Condition: persistence.Equals("kind", kind)},
	})
	w.fail(err)
	return actors
}

// expected returns the documents that the canonical chains make.
func (w *world) expected() devnet.Contents {
	want := devnet.Contents{}
	for _, m := range w.models {
		w.fail(m.Documents(want))
	}
	return want
}

// differences compares the server's documents with those expected.
func (w *world) differences() []string {
	got, err := devnet.Read(context.Background(), w.server.store)
	w.fail(err)
	return devnet.Differences(got, w.expected())
}

// rest lets the world come to rest: there are no more faults and blocks, and an operator has
// paused streams followed again. It returns what is wrong if that takes too long.
func (w *world) rest() error {
	w.calm, w.strike = true, nil
	behind, undelivered := "", ""
	for range 60 {
		w.run(time.Minute)
		behind = devnet.Behind(w.models, false, w.actors("observer"))
		undelivered = w.undelivered()
		pending, err := w.server.store.Pending(context.Background())
		if w.fail(err); len(w.errs) > 0 {
			return errors.Join(w.errs...)
		}
		if behind == "" && undelivered == "" && w.lasting == 0 && len(pending) == 0 {
			return nil
		}
		w.resume()
	}
	return fmt.Errorf("streams that are not at the heads of their chains:\n%s\nundelivered to the webhook:\n%s", behind, undelivered)
}

// resume asks for the streams that are paused to be followed again.
func (w *world) resume() {
	for _, a := range w.actors("worker") {
		if a.Paused {
			w.ask(persistence.Request{Kind: persistence.ResumeRequest, Chain: a.Chain, Market: a.Market, Stream: a.Stream})
		}
	}
}

// fail notes an error of the simulation itself.
func (w *world) fail(err error) {
	if err != nil {
		w.errs = append(w.errs, err)
	}
}

// end ends all processes, and with them the bubble's goroutines.
func (w *world) end() error {
	for _, p := range w.processes {
		w.kill(p)
	}
	w.release()
	for _, p := range append(w.ended, w.processes...) {
		<-p.left
	}
	time.Sleep(time.Minute) // goroutines of the actor library end by their timers
	w.fail(w.server.store.Close())
	return errors.Join(w.errs...)
}
