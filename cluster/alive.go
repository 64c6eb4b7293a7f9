package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/imart/event-worker/persistence"
)

// Alive returns the nodes of a cluster that are heard within a time. Where no node takes
// part it returns immediately.
func Alive(ctx context.Context, docs persistence.Querier, within time.Duration) ([]persistence.Node, error) {
	const poll = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, within+callTimeout)
	defer cancel()
	detector := detector{poll: poll, ttl: within}
	for deadline := time.Now().Add(within); ; {
		nodes, err := persistence.Collect[persistence.Node](ctx, docs, persistence.Query{Collection: persistence.Nodes})
		if err != nil {
			return nil, err
		}
		detector.look(time.Now(), nodes)
		nodes = slices.DeleteFunc(nodes, func(n persistence.Node) bool { return !n.Living() })
		alive := slices.DeleteFunc(slices.Clone(nodes), func(n persistence.Node) bool { return !detector.alive(n) })
		if len(nodes) == 0 || len(alive) > 0 || time.Now().After(deadline) {
			return alive, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}
