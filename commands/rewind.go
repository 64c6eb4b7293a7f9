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
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

func newRewind() *cobra.Command {
	var flags dataFlags
	var height int64
	c := &cobra.Command{
		Use:   "rewind <chain> --to HEIGHT",
		Short: "Roll a stopped worker's documents and log of a chain back to a height",
		Long: `Roll the documents and the log of a chain back to a height: a block number, or a ledger
version on Aptos. Everything that the chain's streams have read beyond it is undone as
in a reorganisation; the other chains are left alone. The worker must be stopped. Its
next start reads on from there: for example, after an endpoint has turned out to serve
wrong data.

A stream goes back to the newest position at or below the height that it remembers:
close to the height in the recent past, further below in the distant past, and never
before its start. The position of each stream is printed. An interrupted rewind can be
repeated.

` + dataHelp,
		Example: `  event-worker rewind ethereum --to 17000000 --data event-worker-demo
  event-worker rewind aptos --to 2386800000 --config event-worker.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("rewind: no chain given: rewind <chain> --to HEIGHT")
			case len(args) > 1:
				return fmt.Errorf("rewind: unexpected %q after the chain", args[1])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case !c.Flags().Changed("to"):
				return errors.New("rewind: no height given: pass a block number or ledger version with --to")
			case height < 0:
				return fmt.Errorf("rewind: --to %d: the height must not be negative", height)
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
	same := func(a, b *progress.Stream) bool {
		return a.ID() == b.ID() && a.Place == b.Place && a.Events == b.Events
	}
	if slices.EqualFunc(before, after, same) { // streams at their starts may count as beyond
		return fmt.Errorf("%s at %s: %w: the chain was read up to %s", chain, cli.Grouped(height), maintenance.ErrNothingToRewind, cli.Grouped(highest(before)))
	}
	return cli.UnlessClosed(tellRewound(out, chain, height, before, after))
}

// streamsOf are the streams of a chain.
func streamsOf(ctx context.Context, docs persistence.Querier, chain string) ([]*progress.Stream, error) {
	tree, err := progress.Read(ctx, docs, persistence.Filter{Condition: persistence.Equals("chain", chain)})
	return slices.Collect(tree.Streams()), err
}

// highest is the height of the stream that has come furthest; 0 if nothing was
// read.
func highest(all []*progress.Stream) int64 {
	var height int64
	for _, s := range all {
		if s.Started() {
			height = max(height, s.Place.Height())
		}
	}
	return height
}

// tellRewound prints where each stream is, and where it was.
func tellRewound(out io.Writer, chain string, height int64, before, after []*progress.Stream) error {
	fmt.Fprintf(out, "Rewound %s to %s. On the next start its streams continue from these positions:\n\n", chain, cli.Grouped(height))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "stream\tseq\theight\tevents\tseq before\tevents before")
	for i, s := range after {
		reached := "its start"
		if s.Started() {
			reached = cli.Grouped(s.Place.Height())
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", s.ID(), cli.Grouped(s.Place.Seq), reached, cli.Grouped(s.Events),
			cli.Grouped(before[i].Place.Seq), cli.Grouped(before[i].Events))
	}
	return table.Flush()
}
