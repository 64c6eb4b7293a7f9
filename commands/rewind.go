package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/persistence"
)

func newRewind() *cobra.Command {
	var flags dataFlags
	var height int64
	c := &cobra.Command{
		Use:   "rewind <chain> --to HEIGHT",
		Short: "Take a stopped worker's documents and log of a chain back to a height",
		Long: `Take the documents and the log of a chain back to a height: a block number, or a
ledger version on Aptos. Everything that the chain's streams have read beyond it is
undone as a reorganisation is; the other chains are left alone. The worker must be
stopped. Started again, it reads on from there: after an endpoint was found to have
served wrong data, say.

A stream goes back to the newest place at or below the height that it remembers:
close to it in the recent past, further below in the distant one, and never to before
its start. It says where each stream stands afterwards. A rewind that was interrupted
can be repeated.

` + dataHelp,
		Example: `  event-worker rewind ethereum --to 17000000 --data event-worker-demo
  event-worker rewind aptos --to 2386800000 --config event-worker.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("rewind: which chain? name it: rewind <chain> --to HEIGHT")
			case len(args) > 1:
				return fmt.Errorf("rewind: unexpected %q after the chain", args[1])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case !c.Flags().Changed("to"):
				return errors.New("rewind: where to? give a block number or ledger version with --to")
			case height < 0:
				return fmt.Errorf("rewind: --to %d: give a height from 0 on", height)
			}
			err := flags.maintain(c.Context(), func(store persistence.Store, o owners) error {
				return rewind(c.Context(), c.OutOrStdout(), store, o, args[0], height)
			})
			if err != nil {
				return fmt.Errorf("rewind: %w", err)
			}
			return nil
		},
	}
	flags.add(c)
	c.Flags().Int64Var(&height, "to", 0, "the height to go back to: a block, or a ledger version on Aptos")
	return c
}

func rewind(ctx context.Context, out io.Writer, store persistence.Store, o owners, chain string, height int64) error {
	node, err := o.of(chain)
	if err != nil {
		return err
	}
	before, err := streamsOf(ctx, store, chain)
	if err != nil {
		return err
	}
	err = maintenance.Rewind(ctx, store, node, chain, height)
	if err != nil && !errors.Is(err, maintenance.ErrNothingToRewind) {
		return err
	}
	after, err := streamsOf(ctx, store, chain)
	if err != nil {
		return err
	}
	if slices.Equal(before, after) { // streams at their starts may count as beyond
		return fmt.Errorf("%s at %s: %w: the chain was read up to %s", chain, grouped(height), maintenance.ErrNothingToRewind, grouped(highest(before)))
	}
	return unlessClosed(tellRewound(out, chain, height, before, after))
}

// streamsOf are the streams of a chain.
func streamsOf(ctx context.Context, docs querier, chain string) ([]stream, error) {
	all, err := streams(ctx, docs)
	return slices.DeleteFunc(all, func(s stream) bool { return s.chain != chain }), err
}

// highest is the height of the stream that has come furthest; 0 if nothing was
// read.
func highest(all []stream) int64 {
	var height int64
	for _, s := range all {
		if !s.unread {
			height = max(height, s.height)
		}
	}
	return height
}

// tellRewound tells where each stream stands, and where it stood.
func tellRewound(out io.Writer, chain string, height int64, before, after []stream) error {
	fmt.Fprintf(out, "Rewound %s to %s. Started again, its streams read on from where they stand now:\n\n", chain, grouped(height))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "stream\tseq\theight\tevents\tseq before\tevents before")
	for i, s := range after {
		reached := grouped(s.height)
		if s.unread {
			reached = "its start"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", s.id(), grouped(s.seq), reached, grouped(s.events),
			grouped(before[i].seq), grouped(before[i].events))
	}
	return table.Flush()
}
