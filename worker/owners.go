package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/imart/event-worker/persistence"
)

// ownersPath is where a node reports the owner of each chain.
const ownersPath = "/chains"

// owner is the current answer of a chain's owner.
type owner struct {
	Chain string `json:"chain"`
	Node  string `json:"node,omitempty"`
	Epoch int64  `json:"epoch,omitempty"`
	Phase string `json:"phase,omitempty"` // running, stopping
	Error string `json:"error,omitempty"` // why the owner is unknown
}

// asker asks the owners of chains for their status. cluster.Coordinator implements it.
type asker interface {
	Ask(ctx context.Context, chains []string) ([]persistence.Request, error)
}

// ownersOver serves the answers of the chains' owners. Unlike the leases in the database,
// they prove that the owners are running. If the owners cannot be asked, as without
// MongoDB, the response is 503 with the reason.
func ownersOver(cluster asker, chains []persistence.NodeChain) http.Handler {
	names := make([]string, len(chains))
	for i, c := range chains {
		names[i] = c.Name
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := cluster.Ask(r.Context(), names)
		if err != nil {
			http.Error(w, fmt.Sprintf("the owners of chains cannot be asked: %v", err), http.StatusServiceUnavailable)
			return
		}
		owners := make([]owner, len(asked))
		for i, request := range asked {
			owners[i] = ownerOf(request)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(owners)
	})
}

// ownerOf returns the result of a request.
func ownerOf(r persistence.Request) owner {
	switch {
	case r.Answer != nil:
		return owner{Chain: r.Chain, Node: r.Node, Epoch: r.Epoch, Phase: r.Answer.Phase}
	case r.Reason != "":
		return owner{Chain: r.Chain, Error: r.Reason}
	}
	return owner{Chain: r.Chain, Error: "no node has answered"}
}
