package worker

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport"
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

// checkKeys refuses data of Seaport from before its orders' keys had the contract: the events
// of an order would be split between two documents. The old log does not have what the
// documents need today, either, so that they are read again and not converted.
func checkKeys(ctx context.Context, docs persistence.Querier, at fmt.Stringer, chains []actors.Chain) error {
	for _, c := range chains {
		for _, m := range c.Markets {
			if !seaport.Decodes(m.Market) {
				continue
			}
			key, err := anyHashKey(ctx, docs, persistence.MarketRef{Chain: c.Name, Market: m.Name})
			if err != nil {
				return err
			}
			if _, _, err := seaport.SplitKey(key); err != nil && key != "" {
				return fmt.Errorf("%s: orders of %s/%s are from an earlier version, whose keys did not have the contract: have them read again from the start with event-worker rewind %s --to 0, or choose another location", at, c.Name, m.Name, c.Name)
			}
		}
	}
	return nil
}

// anyHashKey is the key of an order of a market that begins as a hash, as those of Seaport do;
// empty if it has none. Markets may have orders of other kinds besides.
func anyHashKey(ctx context.Context, docs persistence.Querier, market persistence.MarketRef) (string, error) {
	prefix := market.Chain + "/" + market.Market + "/0x"
	ids := persistence.And{ // an index that starts with the chain and the market need not exist
		persistence.Compare{Path: "_id", Operator: persistence.Greater, Operand: prefix},
		persistence.Compare{Path: "_id", Operator: persistence.Less, Operand: prefix + "\U0010FFFF"},
	}
	orders, err := persistence.Collect[markets.Order](ctx, docs, persistence.Query{
		Collection: persistence.Orders, Filter: persistence.Filter{Condition: append(ids, market.Documents()...)}, Limit: 1,
	})
	if err != nil || len(orders) == 0 {
		return "", err
	}
	return orders[0].Key, nil
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
