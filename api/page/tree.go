package page

import (
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// branch is an actor, or a stream or a market with its children.
type branch struct {
	ID, Name, Kind string
	State, Reason  string
	Height         int64 // of its place, in the unit of the head; -1 if unknown
	Lag            int64
	HasLag         bool
	Events         int64
	Rate           float64
	Restarts       int64
	Open           bool // whether it is unfolded, as an actor below it fails
	Children       []branch
}

// treeOf returns the tree of a chain's actors. Healthy branches are folded.
func treeOf(s snapshot, c *progress.Chain) (out []branch) {
	below := map[string][]persistence.Actor{} // by market or market/stream
	for _, a := range s.actors {
		if a.Chain == c.Name {
			key := a.Market
			if a.Stream != "" {
				key += "/" + a.Stream
			}
			below[key] = append(below[key], a)
		}
	}
	for _, a := range below[""] {
		if a.Kind != "chain" {
			out = append(out, leaf(s, c, a))
		}
	}
	for _, m := range c.Markets {
		out = append(out, marketBranch(s, c, m, below))
	}
	return out
}

func marketBranch(s snapshot, c *progress.Chain, m *progress.Market, below map[string][]persistence.Actor) branch {
	b := branch{ID: c.Name + "/" + m.Name, Name: m.Name, Kind: "market", Height: -1, HasLag: true}
	for _, a := range below[m.Name] {
		if a.Kind == "market" {
			b.State, b.Reason, b.Restarts = a.Status, a.LastError, b.Restarts+a.Restarts
		} else {
			b.Children = append(b.Children, leaf(s, c, a))
		}
	}
	for _, stream := range m.Streams {
		child := streamBranch(s, c, stream, below[m.Name+"/"+stream.Name])
		b.Children = append(b.Children, child)
		b.Lag, b.Events, b.Rate, b.Restarts = max(b.Lag, child.Lag), b.Events+child.Events, b.Rate+child.Rate, b.Restarts+child.Restarts
	}
	b.State = worst(b.State, b.Children)
	b.Open = failing(b.State)
	return b
}

// worst returns the state of a branch, given its own state and its children.
func worst(own string, below []branch) string {
	for _, state := range []string{persistence.FinalityBroken, persistence.Retrying, persistence.Backfilling} {
		if own == state || slices.ContainsFunc(below, func(b branch) bool { return b.State == state }) {
			return state
		}
	}
	return own
}

func failing(state string) bool {
	return persistence.Report{Status: state}.Failing()
}

func streamBranch(s snapshot, c *progress.Chain, stream *progress.Stream, actors []persistence.Actor) branch {
	b := branch{
		ID: stream.ID(), Name: stream.Name, Kind: "stream", State: stream.State, Height: -1,
		Lag: stream.Lag, HasLag: true, Events: stream.Events, Rate: stream.EventsPerSecond, Restarts: stream.Restarts, Open: failing(stream.State),
	}
	if height, known := stream.Height(); known {
		b.Height = height
	}
	if b.Open {
		b.Reason = stream.Reason
	}
	for _, a := range actors {
		if a.Kind != "worker" || a.Failing() {
			b.Children = append(b.Children, leaf(s, c, a))
		}
	}
	return b
}

// leaf returns the branch of a single actor.
func leaf(s snapshot, c *progress.Chain, a persistence.Actor) branch {
	b := branch{
		ID: a.ID, Name: a.ID[strings.LastIndexByte(a.ID, '/')+1:], Kind: a.Kind, State: a.Status, Height: -1,
		Lag: a.Lag, HasLag: a.Head > 0, Events: a.Events, Rate: s.rates[a.ID], Restarts: a.Restarts,
	}
	if a.Kind == "head" || a.Kind == "subject" || a.Kind == "observer" {
		if height, known := c.Height(a); known {
			b.Height = height
		}
	}
	if a.Failing() {
		b.Reason = a.LastError
	}
	return b
}
