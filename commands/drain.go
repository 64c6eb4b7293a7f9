package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/persistence"
)

type drainFlags struct {
	undo bool
	wait time.Duration
}

func newDrain() *cobra.Command {
	var f drainFlags
	c := &cobra.Command{
		Use:   "drain [NODE]",
		Short: "Move a node's chains to the other nodes of its cluster",
		Long: `Ask a node to hand its chains over to the other nodes, and to take none until --undo;
then wait until it has none left. The node keeps running. A restart of the node ends the
drain.

NODE is a node's name or id, as "status" shows it; by default the node of this machine.
Chains that no other node can follow stay where they are. The command inserts a document
into the collection requests, which the node executes.

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
	c.Flags().DurationVar(&f.wait, "wait", time.Minute, "how long to wait until the chains have moved")
	return c
}

// ownName is the name of this machine's node unless it is configured otherwise.
func ownName() string {
	host, _ := os.Hostname()
	return cmp.Or(os.Getenv("EVENT_WORKER_NODE"), host)
}

func (f drainFlags) run(ctx context.Context, out io.Writer, name string) (err error) {
	at, named, err := named("")
	if err != nil {
		return err
	}
	if !named {
		return errors.New("clusters exist only on MongoDB: set " + mongoVariable + " to the database")
	}
	store, err := at.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	nodes, _, err := store.(persistence.Registry).Members(ctx)
	if err != nil {
		return err
	}
	ids, err := nodesNamed(nodes, name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.wait, fmt.Errorf("not done within %s", f.wait))
	defer cancel()
	a := askerOfCluster(store)
	a.out = out
	return a.askAndTell(ctx, f.requests(ids), func(r persistence.Request) error {
		text := "%s has no chains left and takes none until drain --undo.\n"
		if f.undo {
			text = "%s may take chains again.\n"
		}
		_, err := fmt.Fprintf(out, text, r.Node)
		return cli.UnlessClosed(err)
	})
}

func (f drainFlags) requests(nodes []string) (requests []persistence.Request) {
	kind := persistence.DrainRequest
	if f.undo {
		kind = persistence.UndrainRequest
	}
	for _, node := range nodes {
		requests = append(requests, persistence.Request{Kind: kind, Node: node})
	}
	return requests
}

// nodesNamed returns the ids of the living nodes with a name or an id.
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
		return nil, fmt.Errorf("unknown node %q: the nodes are %s", name, strings.Join(all, ", "))
	}
	return ids, nil
}
