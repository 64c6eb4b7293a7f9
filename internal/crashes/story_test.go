package crashes

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/persistence"
)

// act is a part of a story.
type act struct {
	name string
	do   func(*run) error
	// soon says that it does not wait until the workers have caught up with the act before.
	soon bool
}

// newStory draws a story in which every kind of act occurs.
func newStory(r *rand.Rand, streams []string) []act {
	height, stream := r.Int64N(finality), streams[r.IntN(len(streams))]
	story := []act{
		mining(1+r.IntN(5), r.Uint64()),
		reorganisation(1+r.IntN(finality-1), r.Uint64()),
		reorganisation(1+r.IntN(3), r.Uint64()),
		asking(persistence.Request{Kind: persistence.RewindRequest, Height: &height}),
		asking(persistence.Request{Kind: persistence.RetryRequest}),
		stopping(),
	}
	r.Shuffle(len(story), func(i, j int) { story[i], story[j] = story[j], story[i] })
	story = slices.Insert(story, 0, mining(finality+r.IntN(2*finality), r.Uint64()))
	story = append(story, draining(), undraining())
	for _, kind := range []string{persistence.PauseRequest, persistence.ResumeRequest} {
		story = append(story, asking(persistence.Request{Kind: kind, Market: devnet.MarketName, Stream: stream}))
	}
	for i := 1; i < len(story); i++ {
		story[i].soon = story[i].name == persistence.ResumeRequest || r.IntN(4) == 0 // a paused stream does not catch up
	}
	return story
}

func mining(blocks int, seed uint64) act {
	return act{name: fmt.Sprintf("%d blocks", blocks), do: func(r *run) error {
		draw := rand.New(rand.NewPCG(seed, 0))
		for range blocks {
			r.network.Mine(draw)
		}
		return nil
	}}
}

func reorganisation(depth int, seed uint64) act {
	return act{name: fmt.Sprintf("reorganisation of %d blocks", depth), do: func(r *run) error {
		r.network.Reorganise(rand.New(rand.NewPCG(seed, 0)), depth)
		return nil
	}}
}

// asking asks the chain's owner for something, whichever worker that is.
func asking(request persistence.Request) act {
	name := request.Kind
	if request.Height != nil {
		name += fmt.Sprint(" to ", *request.Height)
	}
	return act{name: name, do: func(r *run) error {
		request.Chain = r.network.Name
		return r.ask(request, persistence.AskWithin)
	}}
}

// startsWithin is how long a node has to start a request to it: it may be killed meanwhile.
const startsWithin = 5 * time.Second

// draining asks the node that owns the chain to hand it over, if there are nodes.
func draining() act {
	return act{name: "drain of the owner", do: func(r *run) error {
		registry, ok := r.store.(persistence.Registry)
		if !ok {
			return nil
		}
		_, leases, err := registry.Members(r.t.Context())
		if err != nil || len(leases) == 0 {
			return err
		}
		r.drained, r.plan.away = leases[0].Node, false // the drained node takes nothing over
		return r.ask(persistence.Request{Kind: persistence.DrainRequest, Node: r.drained}, startsWithin)
	}}
}

// undraining lets the drained node acquire the chain again.
func undraining() act {
	return act{name: "end of the drain", do: func(r *run) error {
		if r.drained == "" {
			return nil
		}
		return r.ask(persistence.Request{Kind: persistence.UndrainRequest, Node: r.drained}, startsWithin)
	}}
}

func (r *run) ask(request persistence.Request, within time.Duration) error {
	request.ID, request.AskedBy = fmt.Sprint("request-", len(r.asked)), "crashes"
	r.asked = append(r.asked, request.ID)
	return r.store.Ask(r.t.Context(), []persistence.Request{request}, within)
}

// stopping stops a worker as a service manager does. It starts again like a killed one.
func stopping() act {
	return act{name: "stop of a worker", do: func(r *run) error {
		w := r.workers[0]
		if !w.up() {
			return nil
		}
		return w.stop()
	}}
}
