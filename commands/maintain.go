package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
)

// openWriter opens the data for a change. Unlike the commands that fill a folder or
// a database it makes none.
func (f *dataFlags) openWriter(ctx context.Context) (persistence.Store, location, error) {
	reader, at, err := f.open(ctx)
	if err != nil {
		return nil, at, err
	}
	if err := reader.Close(); err != nil {
		return nil, at, err
	}
	store, err := at.open(ctx)
	return store, at, err
}

// maintain runs a change of the data while no worker does.
func (f *dataFlags) maintain(ctx context.Context, change func(store persistence.Store, o owners) error) (err error) {
	store, at, err := f.openWriter(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := at.idle(ctx, store); err != nil {
		return err
	}
	o, err := ownersOf(ctx, store)
	if err != nil {
		return err
	}
	return change(store, o)
}

// owners are the names of the nodes that the chains belong to, by chain.
// Maintenance keeps them: they tell the demo's data from real ones.
type owners map[string]string

func ownersOf(ctx context.Context, docs querier) (owners, error) {
	leases, err := collect[persistence.Lease](ctx, docs, persistence.Query{Collection: persistence.Leases})
	if err != nil {
		return nil, err
	}
	o := owners{}
	for _, lease := range leases {
		o[lease.Chain] = lease.Node
	}
	return o, nil
}

// of is the node that a chain belongs to.
func (o owners) of(chain string) (string, error) {
	if node, ok := o[chain]; ok {
		return node, nil
	}
	if len(o) == 0 {
		return "", fmt.Errorf("unknown chain %q: the data have none yet", chain)
	}
	return "", fmt.Errorf("unknown chain %q: the data have %s", chain, strings.Join(slices.Sorted(maps.Keys(o)), ", "))
}
