package commands

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/secretfile"
	"github.com/imart/event-worker/markets"
)

func newConfig(assets Assets) *cobra.Command {
	c := &cobra.Command{
		Use:     "config",
		Short:   "Check a configuration, or print an example or the schema of one",
		Long:    "Check a configuration without running it, or print an example that explains every option,\nor the schema with which editors complete it.",
		Example: "  event-worker config example > event-worker.yaml\n  event-worker config check",
		Args:    cli.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newConfigCheck(), newConfigExample(assets), newConfigSchema())
	return c
}

func newConfigExample(assets Assets) *cobra.Command {
	return &cobra.Command{
		Use:     "example",
		Short:   "Print a configuration in which every option is explained",
		Long:    "Print a configuration in which every option is explained, to begin your own with.",
		Example: "  event-worker config example > event-worker.yaml",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(assets.Example)
			return cli.UnlessClosed(err)
		},
	}
}

func newConfigSchema() *cobra.Command {
	return cli.NewSchema("the configuration", "config schema", "event-worker.config.schema.json", config.SchemaJSON)
}

func newConfigCheck() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "check",
		Short: "Say what a configuration would run, or list all its problems",
		Long: `Read a configuration as run would, with the overrides of the environment, and say
what it would run. All problems are printed to standard error, each with file, line
and column, and with the line itself; the exit code is then 1. Neither endpoints nor
the database are contacted, and no secret is shown.`,
		Example: "  event-worker config check --config event-worker.yaml",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := config.Load(file, os.Environ())
			if problems, ok := errors.AsType[config.Problems](err); ok {
				fmt.Fprintln(c.ErrOrStderr(), problems.Lines())
				return fmt.Errorf("configuration %s: %s, see above", file, human.Some(int64(len(problems)), "problem"))
			}
			if err != nil {
				return err
			}
			return cli.UnlessClosed(describe(c.OutOrStdout(), cfg))
		},
	}
	c.Flags().StringVar(&file, "config", defaultConfig, "the configuration file")
	return c
}

// describe writes what a configuration runs, without secrets.
func describe(w io.Writer, cfg config.Config) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is valid. It runs:\n\ndata         %s\nnode         %s\nlog          %s, %s\nmemory       %s of answers\nmonitor      %s\npage, API    %s\n",
		cfg.File, dataOf(cfg), cfg.Node, strings.ToLower(cfg.Log.Level.String()), cfg.Log.Format, config.Size(cfg.Memory),
		address(cfg.Monitor.Listen, config.DefaultMonitor), apiOf(cfg.API))
	for _, c := range cfg.Chains {
		fmt.Fprintf(&b, "\nchain %s: kind %s, chain id %d, %s, looking every %s\n", c.Name, c.Kind, c.ID, c.Host(), c.Poll)
		describeNetwork(&b, c)
		for _, m := range c.Markets {
			fmt.Fprintf(&b, "  market %s\n", m.Name)
			for _, s := range m.Streams {
				fmt.Fprintf(&b, "    %-24s from %s on\n", s.Name, from(s.Source, m.Starts[s.Name]))
			}
		}
	}
	for _, h := range cfg.Hooks {
		fmt.Fprintf(&b, "\nwebhook %s: %s of %s\n", h.Name, h.Host(), strings.Join(h.Collections, ", "))
		if config.Unencrypted(h.URL) {
			b.WriteString("  it is not encrypted: use https unless the network is trusted\n")
		}
	}
	for i, l := range cfg.LeftOut {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintln(&b, l)
	}
	for _, name := range cfg.Overrides {
		fmt.Fprintf(&b, "\noverridden by the environment: %s", name)
	}
	for _, word := range cfg.Outdated {
		fmt.Fprintf(&b, "\noutdated: %s", word)
	}
	for _, name := range cfg.Unused {
		fmt.Fprintf(&b, "\nunknown environment variable, it has no effect: %s", name)
	}
	if len(cfg.Overrides)+len(cfg.Outdated)+len(cfg.Unused) > 0 {
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// dataOf says where run keeps the data, and which setting decides it.
func dataOf(cfg config.Config) string {
	at, err := runFlags{}.location(cfg)
	variable := secretfile.Source(mongoVariable, os.Getenv)
	switch {
	case err != nil:
		return fmt.Sprintf("unknown: %s", cli.OneLine(err))
	case at.uri == "":
		return fmt.Sprintf("folder %s; MongoDB if the variable %s is set", at.folder, mongoVariable)
	case !at.valid():
		return fmt.Sprintf("MongoDB, but %s is not valid: run says why", variable)
	}
	return fmt.Sprintf("%s, from the variable %s; run --data %s would use the folder", at, variable, cli.Quoted(cfg.Data))
}

// address describes where a server listens: the configured address or, without one, the
// standard address or any free port if that is in use.
func address(listen, standard string) string {
	if listen == "" {
		return standard + ", or any free port"
	}
	return listen
}

// apiOf says where the page and the API are served, and who has access.
func apiOf(a config.API) string {
	if a.Off {
		return "off"
	}
	scheme := "http://"
	if a.TLS.Certificate != "" {
		scheme = "https://"
	}
	access := "anyone who can reach it may read, changes are refused"
	if a.Token != "" || a.TokenFile != "" {
		access = "requires the token"
	}
	return fmt.Sprintf("%s%s: %s", scheme, address(a.Listen, config.DefaultAPI), access)
}

// describeNetwork writes the presets of a known network.
func describeNetwork(b *strings.Builder, c config.Chain) {
	if c.Preset.Name != "" {
		fmt.Fprintf(b, "  network %s: coin %s, a block every %s, %s confirmations where the node does not report finality, at most %s blocks followed by hash\n",
			c.Preset.Name, c.Coin, c.Preset.BlockTime, human.Grouped(c.Confirmations), human.Grouped(c.MaxUnfinal))
	}
}

// from says where a stream starts.
func from(s markets.Source, start config.Start) string {
	switch start.Kind {
	case config.AtSeq:
		return unit(s) + " " + human.Grouped(start.N)
	case config.AtVersion:
		return "version " + human.Grouped(start.N)
	case config.AtLatest:
		return "the latest " + unit(s)
	}
	return "the market's deployment"
}

// unit names what the sequence numbers of a stream count.
func unit(s markets.Source) string {
	switch {
	case s.Handle != "":
		return "event"
	case len(s.Types) > 0:
		return "version"
	}
	return "block"
}
