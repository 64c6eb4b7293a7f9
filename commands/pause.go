package commands

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/persistence"
)

func newPause() *cobra.Command {
	return newPausing(persistence.PauseRequest, "Paused", true, &cobra.Command{
		Use:   "pause <chain>/<market>[/<stream>]",
		Short: "Stop following a stream, or all streams of a market, until resume",
		Long: `Stop following one stream, or all streams of a market. The other streams and the chain's
head continue. A paused stream stays at its position through reorganisations, restarts
of the worker and moves to another node; status shows it as paused. Neither /readyz nor
run --once waits for it. Orders are folded from the events of the other streams.

The stream of facts, state, does not wait for paused streams: it checks the orders that
are known. If all others are paused, it waits.

` + runningHelp + `

` + dataHelp,
		Example: `  event-worker pause ethereum/seaport/list
  event-worker pause aptos/tradeport --data event-worker-demo`,
	})
}

func newResume() *cobra.Command {
	return newPausing(persistence.ResumeRequest, "Resumed", false, &cobra.Command{
		Use:   "resume <chain>/<market>[/<stream>]",
		Short: "Follow a paused stream again",
		Long: `Follow a paused stream, or all paused streams of a market, again: from the position at
which it was paused, or from an earlier one if that is no longer on the chain.

` + runningHelp + `

` + dataHelp,
		Example: `  event-worker resume ethereum/seaport/list`,
	})
}

// newPausing completes a command that pauses or resumes streams.
func newPausing(kind, did string, paused bool, c *cobra.Command) *cobra.Command {
	var f dataFlags
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 || !strings.Contains(args[0], "/") {
			return fmt.Errorf("%s: name one stream or market: %s", kind, c.Use)
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx, out := c.Context(), c.OutOrStdout()
		r, err := scopeOf(args[0])
		r.Kind = kind
		if err == nil {
			direct := func(store persistence.Store, o owners) error {
				m, err := o.takeOver(ctx, store, r.Chain)
				if err != nil {
					return err
				}
				n, err := m.Pause(ctx, maintenance.Scope{Market: r.Market, Stream: r.Stream}, paused)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(out, "%s %s of %s.\n", did, human.Some(int64(n), "stream"), r.Subject())
				return cli.UnlessClosed(err)
			}
			err = f.change(ctx, out, direct, only(r), func(ended persistence.Request) error {
				_, err := fmt.Fprintf(out, "%s %s.\n", did, ended.Subject())
				return cli.UnlessClosed(err)
			})
		}
		return cli.Named(c, err)
	}
	f.add(c)
	return c
}
