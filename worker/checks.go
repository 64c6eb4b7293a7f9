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

// checkKeys refuses data from a version whose keys did not contain the contract: the events
// of one order or record would be split between two documents. Such data must be read
// again: the old log lacks what a conversion would need.
func checkKeys(ctx context.Context, docs persistence.Querier, at fmt.Stringer, chains []actors.Chain) error {
	for _, c := range chains {
		for _, m := range c.Markets {
			old, err := hasOldKeys(ctx, docs, persistence.MarketRef{Chain: c.Name, Market: m.Name}, m.Market)
			if err != nil {
				return err
			}
			if old {
				return fmt.Errorf("%s: documents of %s/%s are from an earlier version, whose keys did not contain the contract: read them again from the start with event-worker rewind %s/%s --to 0, or choose another location", at, c.Name, m.Name, c.Name, m.Name)
			}
		}
	}
	return nil
}

// ofCurations are the types of IMart's records whose ids are unique only within a curation.
var ofCurations = []string{"gallery", "exhibit", "exhibit-offer"}

func hasOldKeys(ctx context.Context, docs persistence.Querier, ref persistence.MarketRef, m markets.Market) (bool, error) {
	if seaport.Decodes(m) {
		key, err := anyKey(ctx, docs, ref, persistence.Orders, "0x")
		if _, _, old := seaport.SplitKey(key); err != nil || key != "" && old != nil {
			return err == nil, err
		}
	}
	if m.Name != "imart" && m.Name != "imart-aptos" {
		return false, nil
	}
	for _, kind := range ofCurations {
		key, err := anyKey(ctx, docs, ref, persistence.Records, markets.RecordKey(kind, ""))
		if err != nil || key != "" && !strings.Contains(key, "@") {
			return err == nil, err
		}
	}
	return false, nil
}

// anyKey returns the key of a document of a market that begins with a prefix; empty if none
// does.
func anyKey(ctx context.Context, docs persistence.Querier, market persistence.MarketRef, collection, prefix string) (string, error) {
	prefix = market.Chain + "/" + market.Market + "/" + prefix
	ids := persistence.And{ // an index that starts with the chain and the market need not exist
		persistence.Compare{Path: "_id", Operator: persistence.Greater, Operand: prefix},
		persistence.Compare{Path: "_id", Operator: persistence.Less, Operand: prefix + "\U0010FFFF"},
	}
	found, err := persistence.Collect[struct{ Key string }](ctx, docs, persistence.Query{
		Collection: collection, Filter: persistence.Filter{Condition: append(ids, market.Documents()...)}, Limit: 1,
	})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].Key, nil
}

// aliveWithin bounds the wait for a heartbeat of a living node.
const aliveWithin = 3 * time.Second

// CheckIdle refuses a database on which a cluster runs. The error names the location at.
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
