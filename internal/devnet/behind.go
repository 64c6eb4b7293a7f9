package devnet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Place is the place of an observer at the chain's head.
func (c *Chain) Place() markets.Place {
	head := c.Head()
	return markets.Place{Seq: head.Number(), Hash: head.Hash.Hex()}
}

// Behind names the observers among the actors that are not at the heads of their chains, and the
// chains that lack observers, a line each; it is empty if all are at rest. Facts are one more
// stream of each chain.
func Behind(models []Model, facts bool, actors []persistence.Actor) string {
	var behind []string
	for _, m := range models {
		want, found, head := 2*len(m.Market.Streams), 0, m.Chain.Place()
		if facts {
			want += 2
		}
		for _, a := range actors {
			if a.Kind != "observer" || a.Chain != m.Chain.Name {
				continue
			}
			found++
			if a.Place != head || a.Pending != nil {
				behind = append(behind, fmt.Sprintf("%s is at %d (%s) of %d, epoch %d, incarnation %d, last error %q",
					a.ID, a.Seq, a.Report.Status, head.Seq, a.Epoch, a.Incarnation, a.LastError))
			}
		}
		if found != want {
			behind = append(behind, fmt.Sprintf("%s has %d observers of %d", m.Chain.Name, found, want))
		}
	}
	slices.Sort(behind)
	return strings.Join(behind, "\n")
}
