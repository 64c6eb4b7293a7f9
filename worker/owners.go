package worker

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/persistence"
)

// ownersPath is where a node tells who runs which chain.
const ownersPath = "/chains"

// owner is what a chain's owner says of it at this moment.
type owner struct {
	Chain string `json:"chain"`
	Node  string `json:"node,omitempty"`
	Epoch int64  `json:"epoch,omitempty"`
	Phase string `json:"phase,omitempty"` // taking, running, ending
	Error string `json:"error,omitempty"` // why that is not known
}

// ownersOver serves what the owners of chains say, asked through the cluster. Unlike
// the database it tells what is, and it answers when the database is away.
func ownersOver(network *cluster.Network, chains []persistence.NodeChain) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		owners := make([]owner, len(chains))
		var asked sync.WaitGroup
		for i, c := range chains {
			asked.Go(func() { owners[i] = ask(network, c.Name) })
		}
		asked.Wait()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(owners)
	})
}

func ask(network *cluster.Network, chain string) owner {
	switch status, err := network.Chain(chain); {
	case err != nil:
		return owner{Chain: chain, Error: err.Error()}
	case status.Node == "":
		return owner{Chain: chain, Error: "it has just moved"}
	default:
		return owner{Chain: chain, Node: status.Node, Epoch: status.Epoch, Phase: status.Phase}
	}
}
