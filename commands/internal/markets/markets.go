// Package markets implements the command markets, which lists, shows, checks, tests and
// drafts definitions of markets.
package markets

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// New returns the command markets.
func New() *cobra.Command {
	c := &cobra.Command{
		Use:   "markets",
		Short: "List, show, check and test market definitions",
		Long: `The definition of a market is a YAML file: which contracts or modules and which events
are read, and how their fields become market events. The built-in markets are such
files, too; the option "definitions" of the configuration names your own.`,
		Example: "  event-worker markets list\n  event-worker markets show seaport > my-market.yaml\n  event-worker markets check my-market.yaml",
		Args:    cli.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newMarketsList(), newMarketsShow(), newMarketsCheck(), newMarketsTest(), newMarketsNew(), newMarketsSchema())
	return c
}

func newMarketsList() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "list",
		Short: "List the known markets",
		Long: `List the built-in markets and those of the configuration's definitions, with their
chains.`,
		Example: "  event-worker markets list",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := known(file)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "market\tkind\tstreams\tchains\tabout")
			for _, d := range all {
				fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", d.Market, d.Kind, len(d.Streams()), homes(d), d.About)
			}
			return cli.UnlessClosed(w.Flush())
		},
	}
	addConfig(c, &file)
	return c
}

// homes lists the names of the chains that a market is on.
func homes(d *definition.Definition) string {
	var names []string
	for _, c := range d.Chains {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

func newMarketsShow() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:     "show NAME",
		Short:   "Print the definition of a market",
		Long:    `Print the definition of a known market, as a starting point for your own.`,
		Example: "  event-worker markets show tradeport",
		Args:    cli.One("the name of a market"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := find(file, args[0])
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(d.Source().Text)
			return cli.UnlessClosed(err)
		},
	}
	addConfig(c, &file)
	return c
}

func newMarketsCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Report all problems of market definitions",
		Long: `Read market definitions and report all their problems, each with file, line and column:
unknown options and events, values of the wrong type, keys that many orders would share.
The exit code is 1 if there are problems other than warnings.`,
		Example: "  event-worker markets check my-market.yaml",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("name at least one file: see %s --help", c.CommandPath())
			}
			bad := 0
			for _, file := range args {
				err := checkDefinition(c.OutOrStdout(), c.ErrOrStderr(), file)
				if problems, ok := errors.AsType[definition.Problems](err); ok {
					fmt.Fprintln(c.ErrOrStderr(), problems.Lines())
					bad += len(problems)
					continue
				}
				if err != nil {
					return err
				}
			}
			if bad > 0 {
				return fmt.Errorf("%s, see above", human.Some(int64(bad), "problem"))
			}
			return nil
		},
	}
}

func newMarketsSchema() *cobra.Command {
	return cli.NewSchema("market definitions", "markets schema", "event-worker.market.schema.json", definition.SchemaJSON)
}

func checkDefinition(out, warnings io.Writer, file string) error {
	d, err := catalogue.Read(file)
	if err != nil {
		return err
	}
	for _, w := range d.Warnings {
		fmt.Fprintf(warnings, "%v (warning)\n", w)
	}
	var streams []string
	for _, s := range d.Streams() {
		streams = append(streams, fmt.Sprintf("%s (%s)", s.Name, strings.Join(slices.Compact(slices.Sorted(slices.Values(s.Events))), ", ")))
	}
	_, err = fmt.Fprintf(out, "%s: market %s of %s chains (%s), streams %s\n", file, d.Market, d.Kind, homes(d), strings.Join(streams, ", "))
	return cli.UnlessClosed(err)
}
