package commands

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

func newMarkets() *cobra.Command {
	c := &cobra.Command{
		Use:   "markets",
		Short: "List, show, check and try out market definitions",
		Long: `A market is a YAML file: which contracts or modules, which events, and how their
fields become market events. The markets that the program knows are such files too;
your own are named by the option "definitions" of the configuration.`,
		Example: "  event-worker markets list\n  event-worker markets show seaport > my-market.yaml\n  event-worker markets check my-market.yaml",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newMarketsList(), newMarketsShow(), newMarketsCheck(), newMarketsTest(), newMarketsNew(), newMarketsSchema())
	return c
}

func newMarketsList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the markets that the program knows",
		Long:    "List the markets that the program knows by itself, with the chains they live on.",
		Example: "  event-worker markets list",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "market\tkind\tstreams\tchains\tabout")
			for _, d := range catalogue.All() {
				fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", d.Market, d.Kind, len(d.Streams()), homes(d), d.About)
			}
			return unlessClosed(w.Flush())
		},
	}
}

// homes are the chains that a market lives on, in words.
func homes(d *definition.Definition) string {
	var names []string
	for _, c := range d.Chains {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

func newMarketsShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Print the definition of a market",
		Long: `Print the definition of a market that the program knows, as it is: the file to begin
one of your own with that is like it.`,
		Example: "  event-worker markets show tradeport",
		Args:    one("the name of a market"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := catalogue.Find(catalogue.All(), args[0])
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(d.Source().Text)
			return unlessClosed(err)
		},
	}
}

// one wants exactly one argument.
func one(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("expected one argument, %s: see %s --help", what, c.CommandPath())
		}
		return nil
	}
}

func newMarketsCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Say what is wrong with market definitions",
		Long: `Read market definitions and say all that is wrong with them, each with file, line and
column: unknown options and events, values of the wrong type, keys that many orders
would share. The exit code is then 1. Warnings are printed too and change nothing.`,
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
				return fmt.Errorf("%s, see above", some(int64(bad), "problem"))
			}
			return nil
		},
	}
}

func newMarketsSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of market definitions, for editors",
		Long: `Print the JSON Schema of market definitions. Editors with a YAML language server
complete options and explain them where the file's first line names the schema:

  # yaml-language-server: $schema=event-worker.market.schema.json`,
		Example: "  event-worker markets schema > event-worker.market.schema.json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(definition.SchemaJSON)
			return unlessClosed(err)
		},
	}
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
	return unlessClosed(err)
}
