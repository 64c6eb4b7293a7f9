package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/persistence"
)

// drainLook is how often drain looks how far it is.
const drainLook = 250 * time.Millisecond

type drainFlags struct {
	undo bool
	wait time.Duration
}

func newDrain() *cobra.Command {
	var f drainFlags
	c := &cobra.Command{
		Use:   "drain [NODE]",
		Short: "Move a node's chains to the other nodes of its cluster",
		Long: `Ask a node to give its chains to the other nodes, and to take none, until it is
asked otherwise with --undo; then wait until it has given them away. The node goes on
running. A node that is started again begins undrained.

NODE is a node's name or its id, as "status" shows them; without it, this machine's own
node. Chains that no other node can follow stay where they are.

The cluster is that of the database of the variable ` + mongoVariable + `.`,
		Example: `  event-worker drain worker-1
  event-worker drain worker-1 --undo
  docker compose exec event-worker-evm event-worker drain`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name := cmp.Or(append(args, ownName())...)
			return f.run(c.Context(), c.OutOrStdout(), name)
		},
	}
	c.Flags().BoolVar(&f.undo, "undo", false, "let the node take chains again")
	c.Flags().DurationVar(&f.wait, "wait", time.Minute, "how long to wait until the chains are gone")
	return c
}

// ownName is the name of this machine's node unless it is configured otherwise.
func ownName() string {
	host, _ := os.Hostname()
	return cmp.Or(os.Getenv("EVENT_WORKER_NODE"), host)
}

func (f drainFlags) run(ctx context.Context, out io.Writer, name string) (err error) {
	at, _ := named("")
	if at.uri == "" {
		return errors.New("there is a cluster on MongoDB only: set " + mongoVariable + " to its database")
	}
	store, err := at.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	registry := store.(persistence.Registry)
	nodes, _, err := registry.Members(ctx)
	if err != nil {
		return err
	}
	ids, err := nodesNamed(nodes, name)
	if err != nil {
		return err
	}
	for _, id := range ids {
		found, err := registry.Drain(ctx, id, !f.undo)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("node %s is leaving or gone by now", id)
		}
	}
	if f.undo {
		fmt.Fprintf(out, "%s may take chains again.\n", strings.Join(ids, ", "))
		return nil
	}
	return f.follow(ctx, out, registry, ids)
}

// nodesNamed are the ids of the living nodes of a name, or with an id.
func nodesNamed(nodes []persistence.Node, name string) ([]string, error) {
	var ids, all []string
	for _, n := range nodes {
		if !n.Living() {
			continue
		}
		all = append(all, n.ID)
		if n.ID == name || n.Name == name {
			ids = append(ids, n.ID)
		}
	}
	switch {
	case len(all) == 0:
		return nil, errors.New("no node runs on this database")
	case len(ids) == 0:
		return nil, fmt.Errorf("there is no node %q: there are %s", name, strings.Join(all, ", "))
	}
	return ids, nil
}

// follow waits until nodes have given their chains away.
func (f drainFlags) follow(ctx context.Context, out io.Writer, registry persistence.Registry, ids []string) error {
	deadline := time.Now().Add(f.wait)
	for last := -1; ; {
		nodes, leases, err := registry.Members(ctx)
		if err != nil {
			return err
		}
		left, stuck := chainsOf(ids, nodes, leases)
		if len(left) != last && len(left) > 0 {
			fmt.Fprintf(out, "%s to move from %s\n", some(int64(len(left)), "chain"), strings.Join(ids, ", "))
		}
		last = len(left)
		switch {
		case len(left) == 0:
			fmt.Fprintf(out, "%s has no chain any more, and takes none until drain --undo.\n", strings.Join(ids, ", "))
			return nil
		case len(left) == len(stuck):
			return fmt.Errorf("no other node can follow %s: it stays until a node comes that can, or drain --undo: start one, or see to cluster.roles", strings.Join(stuck, ", "))
		case time.Now().After(deadline):
			return fmt.Errorf("after %s %s have not moved yet: see status", f.wait, strings.Join(left, ", "))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(drainLook):
		}
	}
}

// chainsOf are the chains that nodes own, and those among them that no other node can
// follow.
func chainsOf(ids []string, nodes []persistence.Node, leases []persistence.Lease) (left, stuck []string) {
	for _, l := range leases {
		if !slices.Contains(ids, l.Node) {
			continue
		}
		left = append(left, l.Chain)
		elsewhere := func(n persistence.Node) bool {
			_, can := n.Chain(l.Chain)
			return can && n.State == persistence.Up
		}
		if !slices.ContainsFunc(nodes, elsewhere) {
			stuck = append(stuck, l.Chain)
		}
	}
	return left, stuck
}
