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
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

func newRewind() *cobra.Command {
	var flags dataFlags
	var height int64
	var dryRun bool
	c := &cobra.Command{
		Use:   "rewind <chain>[/<market>[/<stream>]] --to HEIGHT",
		Short: "Roll the documents and log of a chain, a market or a stream back to a height",
		Long: `Roll documents and log back to a height: a block number, or a ledger version on Aptos.
Everything that the streams of a chain, of one market or one stream have read beyond it
is undone as in a reorganisation; other streams are not changed. Then the streams read
the chain again from there, for example after an endpoint has served wrong data.

A stream goes back to the newest position at or below the height that it remembers:
close to the height in the recent past, further below in the distant past, and never
before its start. The position of each stream is printed. An interrupted rewind can be
repeated. With --dry-run nothing changes: the command says what would be undone.

` + runningHelp + `

` + dataHelp,
		Example: `  event-worker rewind ethereum --to 17000000 --data event-worker-demo
  event-worker rewind ethereum/seaport/buy --to 17000000 --dry-run
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
			r, err := scopeOf(args[0])
			r.Kind, r.Height = persistence.RewindRequest, &height
			switch {
			case err != nil:
			case dryRun:
				err = flags.wouldRewind(c.Context(), c.OutOrStdout(), r)
			default:
				err = flags.rewind(c.Context(), c.OutOrStdout(), r)
			}
			return cli.Named(c, err)
		},
	}
	flags.add(c)
	c.Flags().Int64Var(&height, "to", 0, "the height to go back to: a block, or a ledger version on Aptos")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be undone")
	return c
}

func (f *dataFlags) rewind(ctx context.Context, out io.Writer, r persistence.Request) error {
	direct := func(store persistence.Store, o owners) error { return rewind(ctx, out, store, o, r) }
	return f.change(ctx, out, direct, only(r), func(ended persistence.Request) error {
		fmt.Fprintf(out, "Rewound %s to %s. Its streams continue from these positions:\n\n", r.Subject(), human.Grouped(*r.Height))
		return cli.UnlessClosed(tellUndone(out, r, *ended.Answer))
	})
}

// wouldRewind prints what a rewind would undo. It only reads the data.
func (f *dataFlags) wouldRewind(ctx context.Context, out io.Writer, r persistence.Request) error {
	docs, _, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer docs.Close()
	o, err := ownersOf(ctx, docs)
	if err != nil {
		return err
	}
	if _, err := o.of(r.Chain); err != nil {
		return err
	}
	plan, err := maintenance.Plan(ctx, docs, r.Chain, maintenance.Scope{Market: r.Market, Stream: r.Stream}, *r.Height)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "A rewind of %s to %s would undo:\n\n", r.Subject(), human.Grouped(*r.Height))
	return cli.UnlessClosed(tellUndone(out, r, plan))
}

// tellUndone prints what a rewind undoes.
func tellUndone(out io.Writer, r persistence.Request, a persistence.Answer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "stream\tseq\tto seq\tactivities\tdead letters")
	var activities, deadLetters int64
	for _, s := range a.Streams {
		activities, deadLetters = activities+s.Activities, deadLetters+s.DeadLetters
		fmt.Fprintf(table, "%s/%s/%s\t%s\t%s\t%s\t%s\n", r.Chain, s.Market, s.Stream, human.Grouped(s.From.Seq), human.Grouped(s.To.Seq),
			human.Grouped(s.Activities), human.Grouped(s.DeadLetters))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s activities and %s, about %s and records.\n", human.Grouped(activities), human.Some(deadLetters, "dead letter"), human.Some(a.Orders, "order"))
	return err
}

// rewind rewinds the data. No worker may be running.
func rewind(ctx context.Context, out io.Writer, store persistence.Store, o owners, r persistence.Request) error {
	before, err := streamsOf(ctx, store, r.Chain)
	if err != nil {
		return err
	}
	m, err := o.takeOver(ctx, store, r.Chain)
	if err != nil {
		return err
	}
	err = m.Rewind(ctx, maintenance.Scope{Market: r.Market, Stream: r.Stream}, *r.Height)
	if err != nil && !errors.Is(err, maintenance.ErrNothingToRewind) {
		return err
	}
	after, err := streamsOf(ctx, store, r.Chain)
	if err != nil {
		return err
	}
	same := func(a, b *progress.Stream) bool {
		return a.ID() == b.ID() && a.Place == b.Place && a.Events == b.Events
	}
	if slices.EqualFunc(before, after, same) { // streams at their starts may count as beyond
		return fmt.Errorf("%s at %s: %w: the chain was read up to %s", r.Subject(), human.Grouped(*r.Height), maintenance.ErrNothingToRewind, human.Grouped(highest(before)))
	}
	return cli.UnlessClosed(tellRewound(out, r.Subject(), *r.Height, before, after))
}

// streamsOf returns the progress of a chain's streams.
func streamsOf(ctx context.Context, docs persistence.Querier, chain string) ([]*progress.Stream, error) {
	tree, err := progress.Read(ctx, docs, persistence.Filter{Condition: persistence.Equals("chain", chain)})
	return slices.Collect(tree.Streams()), err
}

// highest returns the greatest height of the streams; 0 if nothing was read.
func highest(all []*progress.Stream) int64 {
	var height int64
	for _, s := range all {
		if s.Started() {
			height = max(height, s.Place.Height())
		}
	}
	return height
}

// tellRewound prints the position of each stream, and the one before the rewind.
func tellRewound(out io.Writer, chain string, height int64, before, after []*progress.Stream) error {
	fmt.Fprintf(out, "Rewound %s to %s. On the next start its streams continue from these positions:\n\n", chain, human.Grouped(height))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "stream\tseq\theight\tevents\tseq before\tevents before")
	for i, s := range after {
		reached := "its start"
		if s.Started() {
			reached = human.Grouped(s.Place.Height())
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", s.ID(), human.Grouped(s.Place.Seq), reached, human.Grouped(s.Events),
			human.Grouped(before[i].Place.Seq), human.Grouped(before[i].Events))
	}
	return table.Flush()
}
