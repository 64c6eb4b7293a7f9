package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

func newRedecode() *cobra.Command {
	var f retryFlags
	var from int64
	var changed bool
	c := &cobra.Command{
		Use:   "redecode <chain>/<market>/<stream> | --changed",
		Short: "Decode a stream's raw events again after a change of the definition",
		Long: `Decode the events of a stream again with the market's current definition, from the raw
events that its activities contain if the definition says raw: true; no node is
contacted. Activities, notifications, orders and records become those of a worker that
has always used the definition. The exception are raw events from which no activity was
made: they are not in the log, and only a rewind of the stream reads them.

With --from, events beyond that height are decoded again, and some before it: as with
rewind, a stream goes back to the newest position at or below the height that it
remembers. If the command is interrupted, the stream is left at an earlier position and
continues from there with events from the node.

With --changed, all streams whose definition has changed are decoded again, as by run
--redecode. Streams whose activities lack raw events go back to their start, and the
worker reads them again.

` + runningHelp + `

` + dataHelp + `

A running worker uses the definition that it has loaded: restart it after a change. If
none runs, the definition is that of the configuration in --config, or else
event-worker.yaml.`,
		Example: `  event-worker redecode ethereum/my-market/buy --config event-worker.yaml
  event-worker redecode --changed`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case changed && len(args) > 0:
				return errors.New("redecode: --changed selects the streams: do not name any")
			case changed:
				return nil
			}
			if len(args) != 1 || strings.Count(args[0], "/") != 2 {
				return errors.New("redecode: name one stream: redecode <chain>/<market>/<stream>")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if changed {
				return cli.Named(c, f.renewChanged(c.Context(), c.OutOrStdout()))
			}
			r, err := scopeOf(args[0])
			r.Kind = persistence.RedecodeRequest
			if from >= 0 {
				r.Height = &from
			}
			direct := func(store persistence.Store, o owners) error {
				return f.redecode(c.Context(), c.OutOrStdout(), store, o, args[0], from)
			}
			if err == nil {
				err = f.change(c.Context(), c.OutOrStdout(), direct, only(r), func(ended persistence.Request) error {
					return tellRedecoded(c.OutOrStdout(), ended)
				})
			}
			return cli.Named(c, err)
		},
	}
	f.addBoth(c)
	c.Flags().BoolVar(&changed, "changed", false, "all streams whose definition has changed")
	c.Flags().Int64Var(&from, "from", -1, "only events beyond this height: a block, or a ledger version on Aptos")
	return c
}

func (f retryFlags) redecode(ctx context.Context, out io.Writer, store persistence.Store, o owners, id string, from int64) error {
	parts := strings.Split(id, "/")
	node, err := o.of(parts[0])
	if err != nil {
		return err
	}
	r := retrier{store: store, owners: o, configured: f.configured}
	letter := markets.DeadLetter{Chain: parts[0], Market: parts[1], Stream: parts[2]}
	market, err := r.marketOf(letter)
	if err != nil {
		return err
	}
	stream, err := streamOf(letter, market)
	if err != nil {
		return err
	}
	n, err := maintenance.Redecode(ctx, store, node, market.Kind, parts[0], parts[1], stream, from)
	if errors.Is(err, maintenance.ErrNotYet) {
		return fmt.Errorf("%w: run the worker first", err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Decoded %s of %s again.\n", human.Some(int64(n), "raw event"), id)
	return cli.UnlessClosed(err)
}

func tellRedecoded(out io.Writer, r persistence.Request) error {
	for _, note := range r.Answer.Notes {
		fmt.Fprintln(out, note)
	}
	_, err := fmt.Fprintf(out, "Decoded %s of %s again.\n", human.Some(r.Answer.Decoded, "raw event"), r.Subject())
	return cli.UnlessClosed(err)
}

// renewChanged decodes or reads again the streams whose definition has changed.
func (f retryFlags) renewChanged(ctx context.Context, out io.Writer) error {
	direct := func(store persistence.Store, o owners) error { return f.renew(ctx, out, store, o) }
	request := func(o owners) (requests []persistence.Request, err error) {
		chains, err := f.followed(ctx, o)
		for _, chain := range chains {
			requests = append(requests, persistence.Request{Kind: persistence.RedecodeRequest, Chain: chain})
		}
		return requests, err
	}
	err := f.change(ctx, out, direct, request, func(ended persistence.Request) error {
		if len(ended.Answer.Notes) == 0 {
			_, err := fmt.Fprintf(out, "%s: %s\n", ended.Chain, noneChanged)
			return cli.UnlessClosed(err)
		}
		return tellRenewed(out, ended.Chain, ended.Answer.Notes)
	})
	return err
}

const noneChanged = "No definition has changed."

// renew is renewChanged while no worker runs.
func (f retryFlags) renew(ctx context.Context, out io.Writer, store persistence.Store, o owners) error {
	configured, err := f.configured()
	if err != nil {
		return err
	}
	none := true
	for _, chain := range slices.Sorted(maps.Keys(configured)) {
		node, err := o.of(chain)
		if err != nil { // nothing of this chain has been read yet
			continue
		}
		renewed, err := maintenance.Renew(ctx, store, node, chain, configured[chain])
		var lines []string
		for _, r := range renewed {
			lines, none = append(lines, r.String()), false
		}
		if err := errors.Join(tellRenewed(out, chain, lines), err); err != nil {
			return err
		}
	}
	if none {
		_, err = fmt.Fprintln(out, noneChanged)
	}
	return cli.UnlessClosed(err)
}

// followed returns the chains of the data; for a cluster, those that a living node can
// follow.
func (f retryFlags) followed(ctx context.Context, o owners) ([]string, error) {
	chains := slices.Sorted(maps.Keys(o))
	docs, at, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	defer docs.Close()
	if at.uri == "" {
		return chains, nil
	}
	nodes, err := persistence.Collect[persistence.Node](ctx, docs, persistence.Query{Collection: persistence.Nodes})
	return slices.DeleteFunc(chains, func(chain string) bool {
		return !slices.ContainsFunc(nodes, func(n persistence.Node) bool {
			_, can := n.Chain(chain)
			return can && n.Living()
		})
	}), err
}

func tellRenewed(out io.Writer, chain string, lines []string) error {
	for _, line := range lines {
		if _, err := fmt.Fprintf(out, "%s/%s\n", chain, line); err != nil {
			return cli.UnlessClosed(err)
		}
	}
	return nil
}
