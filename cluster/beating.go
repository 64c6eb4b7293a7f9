package cluster

import (
	"context"
	"time"

	"github.com/imart/event-worker/persistence"
)

// Beating returns the nodes of a cluster that beat within a time. With none that could,
// it returns at once.
func Beating(ctx context.Context, docs persistence.Querier, within time.Duration) ([]persistence.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, within+callTimeout)
	defer cancel()
	beats := map[string]int64{}
	for deadline := time.Now().Add(within); ; {
		nodes, err := persistence.Collect[persistence.Node](ctx, docs, persistence.Query{Collection: persistence.Nodes})
		if err != nil {
			return nil, err
		}
		var living int
		var alive []persistence.Node
		for _, n := range nodes {
			if !n.Living() {
				continue
			}
			living++
			if beat, seen := beats[n.ID]; !seen {
				beats[n.ID] = n.Beat
			} else if beat != n.Beat {
				alive = append(alive, n)
			}
		}
		if living == 0 || len(alive) > 0 || time.Now().After(deadline) {
			return alive, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
