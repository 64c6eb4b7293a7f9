package commands

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/persistence"
)

// statusFlags configure what status shows.
type statusFlags struct {
	dataFlags
	chains           []string
	json, brief, all bool
	watch            time.Duration
}

func newStatus() *cobra.Command {
	var f statusFlags
	c := &cobra.Command{
		Use:   "status",
		Short: "Print the nodes, the owner of each chain, and the tree of actors",
		Long: `Print the nodes of the cluster, the owner of each chain, and the tree of actors as of
their last write: each actor's position (a block, or a ledger version on Aptos; its head
is in the same unit), its lag behind the head, the events of its log, its state, its
restarts and its last error; then each chain's endpoints by host. A document that has
not been written for a while shows its age: its actor may have nothing to do. If no
worker is running, the first line says so.

On a terminal the tree is folded to the terminal's size: healthy branches take one line,
failing and paused actors have their own, and less important columns are left out. --all
unfolds it. Output that is not a terminal, such as a pipe, is complete and not
shortened. Colours are used on terminals only, unless the variable NO_COLOR is set.

The command needs only the data, and works while workers write to them.

` + dataHelp,
		Example: `  event-worker status --data event-worker-demo
  event-worker status --watch
  event-worker status --config event-worker.yaml --chain ethereum --json`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), c.OutOrStdout()) },
	}
	f.add(c)
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().BoolVar(&f.all, "all", false, "do not fold the tree on a terminal")
	c.Flags().BoolVar(&f.brief, "brief", false, "print only nodes, chains, and endpoints that are not up")
	c.Flags().StringSliceVar(&f.chains, "chain", nil, "only this chain; may be repeated")
	c.Flags().DurationVar(&f.watch, "watch", 0, "repeat at this interval until Ctrl-C")
	c.Flags().Lookup("watch").NoOptDefVal = "2s"
	return c
}

func (f *statusFlags) run(ctx context.Context, out io.Writer) error {
	reader, at, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer reader.Close()
	shown := cli.Own(out)
	if f.json {
		shown = out
	}
	if f.watch == 0 {
		return f.print(ctx, reader, f.view(out, at), shown)
	}
	for ctx.Err() == nil {
		v := f.view(out, at)
		v.cut = v.height > 0
		var page bytes.Buffer
		if err := f.print(ctx, reader, v, &page); err != nil {
			fmt.Fprintln(&page, cli.OneLine(err)) // the next attempt may succeed
		}
		if err := newPage(out); err != nil {
			return cli.UnlessClosed(err)
		}
		if _, err := page.WriteTo(shown); err != nil {
			return cli.UnlessClosed(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(f.watch):
		}
	}
	return nil
}

// newPage starts a new page, which replaces the previous one on a terminal.
func newPage(out io.Writer) error {
	prefix := "\n"
	if cli.Terminal(out) != nil {
		prefix = "\x1b[H\x1b[2J"
	}
	_, err := io.WriteString(cli.Own(out), prefix)
	return err
}

// view is the view for out: unlimited, unless out is a terminal.
func (f *statusFlags) view(out io.Writer, at location) view {
	v := view{at: at}
	if width, height, ok := cli.Size(out); ok {
		v.width, v.height, v.fold = width-1, height-1, !f.all
	}
	if f.all {
		v.height = 0
	}
	v.colours = cli.Colours(out)
	return v
}

func (f *statusFlags) print(ctx context.Context, docs persistence.Querier, v view, out io.Writer) error {
	s, err := f.state(ctx, docs)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	if f.json {
		return cli.UnlessClosed(s.writeJSON(out, v.at))
	}
	v.now = time.Now()
	if v.idle, err = s.idle(ctx, docs, &v); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	return cli.UnlessClosed(s.print(out, v))
}
