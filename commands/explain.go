package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/life"
	"github.com/imart/event-worker/explain"
)

func newExplain() *cobra.Command {
	var flags dataFlags
	var at string
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain <order>",
		Short: "Explain an order's state, event by event",
		Long: `Explain an order's state: a summary, which says whether the order can be filled and why,
and then its history. Every event and fact of its log is shown with its block and
transaction, the fields that it changed, what the contracts answered, and what was
ignored and why. Cancellations of all of the maker's orders are among the events.

The order is named by its _id, chain/market/key, or by its key or hash alone if only one
market has it. "query orders" prints orders with their _id.

--at explains the order as of the end of a block or ledger version, or as of a time.

The stored document is compared with the fold of the whole log. Events that are in the
log but not yet in the order, because the worker is behind, are listed and are not
differences. If the document differs otherwise, the fields are printed and the exit code
is 1: please report this as a bug.

It works while another process writes to the same data. With --json it prints one JSON
object, which docs/explain.md describes.

` + dataHelp,
		Example: `  event-worker explain ethereum/seaport/0x5a4c…@0x0000…3AaC
  event-worker explain 0x5a4c… --at 18270780
  event-worker explain 0x5a4c… --at 2024-01-31T12:00:00Z
  event-worker explain 0x5a4c… --json | jq '.steps[] | select(.anomaly)'`,
		Args: cli.One("an order"),
		RunE: func(c *cobra.Command, args []string) error {
			point, err := pointOf(at)
			if err == nil {
				err = explainOrder(c, &flags, args[0], point, asJSON)
			}
			return cli.Named(c, err)
		},
	}
	flags.add(c)
	c.Flags().StringVar(&at, "at", "", "the block, ledger version or time (RFC 3339) as of which to explain the order")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// pointOf parses --at.
func pointOf(text string) (*explain.At, error) {
	if text == "" {
		return nil, nil
	}
	if height, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64); err == nil && height >= 0 {
		return &explain.At{Height: &height}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("--at %q: must be a block number or ledger version such as 18270780, or a time such as 2024-01-31T12:00:00Z", text)
	}
	t = t.UTC()
	return &explain.At{Time: &t}, nil
}

var errDiffers = errors.New("the order's document differs from the fold of its log")

func explainOrder(c *cobra.Command, flags *dataFlags, id string, at *explain.At, asJSON bool) error {
	reader, _, err := flags.open(c.Context())
	if err != nil {
		return err
	}
	defer reader.Close()
	e, err := explain.Order(c.Context(), reader, id, at, time.Now())
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(e)
	} else {
		err = life.Write(out, e)
	}
	if err := cli.UnlessClosed(err); err != nil {
		return err
	}
	if len(e.Differences) > 0 {
		return errDiffers
	}
	return nil
}
