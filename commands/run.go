package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/panel"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/logs"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
	"github.com/imart/event-worker/worker"
)

type runFlags struct {
	config, data, logLevel, logFormat, logDir string
	once, redecode, noPanel                   bool
}

func newRun(assets Assets) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Follow the chains and markets of a configuration",
		Long: `Follow the chains and markets of a configuration until SIGINT or SIGTERM, continuing
where an earlier run stopped. With --once it exits when every stream has caught up
with the head that its chain had at the start.

The data go to the database of the variable MONGODB_URI, or of the URI in the file that
the variable MONGODB_URI_FILE names, or else to the configured data folder.

All processes on one MongoDB database form a cluster: they find each other there,
distribute the chains evenly, and take over the chains of processes that die. On
SIGTERM a process first hands its chains over to the others. With --once a process
works alone, and only if no cluster is running.

A stream whose definition has changed since its documents were made goes on with the
new one for new events; each start says so, and "status" shows it. With --redecode the
older ones are made again first: from the raw events that activities keep (raw: true) if
those are all that the stream has, or else by reading the stream, and no other, again
from its start. No other process may run on the database meanwhile; one with the old
definitions must not be started again.

A chain whose endpoints do not answer, or serve another chain, waits for them: this is
logged, the endpoints are retried for ever, and the other chains continue. The process
exits only if the endpoints of all chains serve other chains, or, with --once, if any
endpoint fails at the start.

"status" and "query" show what is happening meanwhile; so do /healthz, /readyz and
/metrics at the address monitor.listen. The log goes to standard error and, with
--log-dir, also to files, one for each kind of chain and level.

On a terminal a panel below the log shows each stream: its position, the share of the
history that it has read, events per second, the time left and its state. It shows less
of chains that do not fit the terminal, and of chains that other nodes follow.
--no-panel and --log-format json switch it off. Without a panel the progress of each
chain that still reads history is logged every ten seconds, and a summary of each chain
at its head every five minutes.`,
		Example: `  event-worker config example > event-worker.yaml
  event-worker run --config event-worker.yaml
  event-worker run --log-dir logs --log-format json
  EVENT_WORKER_CHAINS_ETHEREUM_ENDPOINT=https://… event-worker run --once`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.Stopped(c.Context(), run(c.Context(), assets, c.ErrOrStderr(), f))
		},
	}
	c.Flags().StringVar(&f.config, "config", defaultConfig, "the configuration file")
	c.Flags().StringVar(&f.data, "data", "", "the data folder, instead of MongoDB and of the configured one")
	c.Flags().BoolVar(&f.once, "once", false, "exit when every stream has caught up")
	c.Flags().BoolVar(&f.redecode, "redecode", false, "first decode or read again the streams whose definition has changed")
	c.Flags().StringVar(&f.logLevel, "log-level", "", "debug, info, warn or error, instead of the configured one")
	c.Flags().StringVar(&f.logFormat, "log-format", "", "text or json, instead of the configured one")
	c.Flags().BoolVar(&f.noPanel, "no-panel", false, "show only the log, even on a terminal")
	c.Flags().StringVar(&f.logDir, "log-dir", "", "a folder for log files, instead of the configured one")
	return c
}

func run(ctx context.Context, assets Assets, stderr io.Writer, f runFlags) error {
	cfg, err := f.load()
	if err != nil {
		return err
	}
	screen := cli.NewScreen(stderr)
	log, files, err := logs.New(screen, cfg.Log, kinds(cfg))
	if err != nil {
		return err
	}
	defer files.Close()
	for _, word := range cfg.Outdated {
		log.Warn("outdated option", "option", word)
	}
	for _, name := range cfg.Unused {
		log.Warn("unknown environment variable, it has no effect", "variable", name)
	}
	for _, l := range cfg.LeftOut {
		log.Info("chain is left out: its endpoint is not configured", "chain", l.Chain, "variables", strings.Join(l.Variables, ", "))
	}
	if err := f.choose(&cfg); err != nil {
		return err
	}
	at, err := f.location(cfg)
	if err != nil {
		return err
	}
	at.waits = func(waited time.Duration) {
		log.Info("waiting for the database to answer", "data", at.String(), "waited", waited)
	}
	w, err := worker.Open(ctx, worker.Options{
		Config: cfg, Data: at, Log: log, Numbers: assets.recordings().Numbers, Once: f.once, Cluster: f.joinsCluster(at), Redecode: f.redecode, Version: version(),
	})
	if err != nil {
		return err
	}
	limitMemory(log)
	log.Info("starting", "node", cfg.Node, "data", at.String(), "version", version())
	lines := progress.NewLogger(log, w.Store(), cfg.Node, slices.Collect(maps.Keys(kinds(cfg))))
	lines.Clustered = f.joinsCluster(at)
	lines.Start(ctx)
	if err := followChains(ctx, w, lines, f.panel(cfg, screen, w.Store(), at)); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// panel returns the panel to show below the log; nil if there is no terminal or no panel is
// wanted.
func (f runFlags) panel(cfg config.Config, screen *cli.Screen, docs persistence.Querier, at location) *panel.Watcher {
	if f.noPanel || !screen.OnTerminal() || cfg.Log.Format == "json" {
		return nil
	}
	return &panel.Watcher{
		Screen: screen, Docs: docs, Node: cfg.Node, Chains: len(cfg.Chains),
		Title: fmt.Sprintf("%s follows %s in %s", cfg.Node, human.Some(int64(len(cfg.Chains)), "chain"), at),
	}
}

// followChains follows the chains until the worker stops. With a panel, progress is not
// logged.
func followChains(ctx context.Context, w *worker.Worker, lines *progress.Logger, shown *panel.Watcher) (err error) {
	if shown == nil {
		lines.Lines = true
		return w.Follow(ctx, progress.LookEvery, lines)
	}
	shown.Then, shown.ThenEvery = lines, progress.LookEvery
	if err := shown.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shown.Stop()) }()
	return w.Follow(ctx, panel.Every, shown)
}

// limitMemory makes the garbage collector work harder before a container's limit is
// reached, unless GOMEMLIMIT says something else.
func limitMemory(log *slog.Logger) {
	const part = 0.85
	limit, err := memlimit.Set(memlimit.WithRatio(part))
	if err == nil && limit > 0 {
		log.Debug("memory limit", "bytes", limit)
	}
}

// choose leaves only the chains that the process may follow.
func (f runFlags) choose(cfg *config.Config) error {
	cfg.Chains = slices.DeleteFunc(cfg.Chains, func(c config.Chain) bool { return !cfg.Cluster.Serves(c) })
	if len(cfg.Chains) == 0 {
		var left strings.Builder
		for _, l := range cfg.LeftOut {
			fmt.Fprintf(&left, "; %s", l)
		}
		return fmt.Errorf("%s: no configured chain matches cluster.roles (%s): add one, or change the roles%s", f.config, strings.Join(cfg.Cluster.Roles, ", "), &left)
	}
	return nil
}

// joinsCluster says whether the process shares its data with others.
func (f runFlags) joinsCluster(at location) bool { return at.uri != "" && !f.once }

// load reads the configuration with what the flags change.
func (f runFlags) load() (config.Config, error) {
	cfg, err := config.Load(f.config, os.Environ())
	if err != nil {
		return cfg, err
	}
	if f.logLevel != "" {
		if err := cfg.Log.Level.UnmarshalText([]byte(f.logLevel)); err != nil {
			return cfg, fmt.Errorf("--log-level %q: choose debug, info, warn or error", f.logLevel)
		}
	}
	if f.logFormat != "" {
		if !slices.Contains(config.Formats, f.logFormat) {
			return cfg, fmt.Errorf("--log-format %q: choose text or json", f.logFormat)
		}
		cfg.Log.Format = f.logFormat
	}
	cfg.Log.Dir = cmp.Or(f.logDir, cfg.Log.Dir)
	return cfg, nil
}

// location is where the data are: in the configured folder unless a place is named.
func (f runFlags) location(cfg config.Config) (location, error) {
	if at, named, err := named(f.data); named || err != nil {
		return at, err
	}
	return location{folder: cfg.Data}, nil
}

// kinds are those of the configured chains, by name.
func kinds(cfg config.Config) map[string]string {
	out := map[string]string{}
	for _, c := range cfg.Chains {
		out[c.Name] = string(c.Kind)
	}
	return out
}
