package crashes

import (
	"fmt"
	"math/rand/v2"
	"slices"

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
	for _, kind := range []string{persistence.PauseRequest, persistence.ResumeRequest} {
		story = append(story, asking(persistence.Request{Kind: kind, Market: devnet.MarketName, Stream: stream}))
	}
	for i := range story[1:] {
		story[1+i].soon = story[1+i].name == persistence.ResumeRequest || r.IntN(4) == 0 // a paused stream does not catch up
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
		request.ID, request.Chain, request.AskedBy = fmt.Sprint("request-", len(r.asked)), r.network.Name, "crashes"
		r.asked = append(r.asked, request.ID)
		return r.store.Ask(r.t.Context(), []persistence.Request{request}, persistence.AskWithin)
	}}
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
