package worker

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/persistence"
)

// checkOwner refuses data that the demo must not touch, or that only it may:
// recorded blocks and a real chain's disagree, and each would roll the other's back.
func checkOwner(ctx context.Context, docs persistence.Querier, at fmt.Stringer, demo bool) error {
	leases, err := persistence.Collect[persistence.Lease](ctx, docs, persistence.Query{Collection: persistence.Leases})
	if err != nil {
		return err
	}
	for _, lease := range leases {
		switch of := lease.Node == config.DemoNode; {
		case of && !demo:
			return fmt.Errorf("%s: it contains the demo's data: choose another location", at)
		case !of && demo:
			return fmt.Errorf("%s: it contains the data of %s, not the demo's: choose another location", at, cmp.Or(lease.Node, "a cluster"))
		}
	}
	return nil
}

// aliveWithin is how long a node that lives may take to show it.
const aliveWithin = 3 * time.Second

// CheckIdle refuses a database on which a cluster runs. Where the data are is at.
func CheckIdle(ctx context.Context, docs persistence.Querier, at fmt.Stringer) error {
	nodes, err := cluster.Alive(ctx, docs, aliveWithin)
	if err != nil || len(nodes) == 0 {
		return err
	}
	var ids []string
	for _, n := range nodes {
		ids = append(ids, n.ID)
	}
	return fmt.Errorf("%s: a cluster is running there (%s): stop it first", at, strings.Join(ids, ", "))
}
