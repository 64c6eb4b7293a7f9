package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/persistence"
)

// verifyFlags are the flags of verify. As for retry, both the folder and the configuration
// may be named.
type verifyFlags struct {
	dataFlags
	from, to             int64
	market, endpoint     string
	repair, dryRun, json bool
	logOnly              bool
	assets               Assets
	scope                persistence.Request
	out                  io.Writer
	log                  *slog.Logger
	screen               *cli.Screen
}

func newVerify(assets Assets) *cobra.Command {
	f := verifyFlags{assets: assets}
	c := &cobra.Command{
		Use:   "verify <chain>[/<market>[/<stream>]]",
		Short: "Compare the log and the documents with the chain",
		Long: `Read the blocks of a chain again, decode them as the worker does, and compare the events
with the log in the data: it reports activities and dead letters that are missing, extra
or different, field by field. Facts about orders are checked by the same contract calls
at the same block, if a node still has its state. Orders, records and notifications are
compared with the fold of the log; --log-only skips them.

Only final events that the streams have executed are compared: a worker may run
meanwhile. A difference is reported once it was found twice. --from and --to restrict
the heights, inclusive: block numbers, or ledger versions on Aptos. With --endpoint the
chain is read from that node instead of the configured ones; only its host is shown. The
exit code is 0 if all events and documents agree, and 1 otherwise.

With --repair, streams with differences are rewound to before their first difference, as
by rewind, and read again from the configured endpoints; orders and records that differ
are folded again from the log. If a worker runs, it does this at the command's request,
and the result is verified. --dry-run says what would be undone.

` + dataHelp + `

Endpoints and markets are those of the configuration in --config, or else
` + defaultConfig + `; the demo's data need none.`,
		Example: `  event-worker verify ethereum
  event-worker verify ethereum --market seaport --from 19000000 --to 19100000
  event-worker verify ethereum --endpoint "https://eth.example.com/$KEY"
  event-worker verify aptos --repair
  event-worker verify ethereum --data event-worker-demo --json`,
		Args: cli.One("a chain, such as ethereum"),
		RunE: func(c *cobra.Command, args []string) error {
			f.out = c.OutOrStdout()
			return cli.Named(c, f.run(c.Context(), args[0]))
		},
	}
	f.addBoth(c)
	c.Flags().Int64Var(&f.from, "from", 0, "the first height: a block, or a ledger version on Aptos")
	c.Flags().Int64Var(&f.to, "to", 0, "the last height (default the newest final one)")
	c.Flags().StringVar(&f.market, "market", "", "only this market of the chain")
	c.Flags().StringVar(&f.endpoint, "endpoint", "", "the URL of a node to read from instead of the configured ones")
	c.Flags().BoolVar(&f.logOnly, "log-only", false, "do not compare orders, records and notifications")
	c.Flags().BoolVar(&f.repair, "repair", false, "repair differences: read streams again, fold documents again")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "with --repair: only say what would be undone")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON lines: each difference, then the report")
	return c
}

// check parses the argument and checks the flags.
func (f *verifyFlags) check(of string) (err error) {
	f.scope, err = scopeOf(of)
	switch {
	case err != nil:
		return err
	case f.market != "" && f.scope.Market != "" && f.market != f.scope.Market:
		return fmt.Errorf("--market %q: %s is of another market", f.market, of)
	case f.from < 0 || f.to < 0:
		return errors.New("--from and --to must not be negative")
	case f.to > 0 && f.to < f.from:
		return fmt.Errorf("--to %d: must not be below --from %d", f.to, f.from)
	case f.dryRun && !f.repair:
		return errors.New("--dry-run: needs --repair, of which it says what would be undone")
	}
	if f.scope.Market == "" {
		f.scope.Market = f.market
	}
	return nil
}

func (f *verifyFlags) run(ctx context.Context, of string) error {
	if err := f.check(of); err != nil {
		return err
	}
	f.screen = cli.NewScreen(f.out)
	f.log = slog.New(slog.DiscardHandler)
	report, err := f.audit(ctx, f.from, f.to, f.scope.Stream)
	if err != nil {
		return err
	}
	if !f.repair || report.Differences() == 0 {
		return differ(report)
	}
	return f.repairAll(ctx, report)
}

// differ is the error of a report with differences; nil if it has none.
func differ(r audit.Report) error {
	documents := persistence.DocumentsOf(r.Documents)
	events := fmt.Sprintf("%s of %s", human.Grouped(r.Differ()), human.Some(r.Events, "event"))
	others := fmt.Sprintf("%s of %s", human.Grouped(documents.Differ()), human.Some(documents.Compared, "document"))
	switch {
	case r.Differences() == 0:
		return nil
	case documents.Differ() == 0:
		return fmt.Errorf("%s differ", events)
	case r.Differ() == 0:
		return fmt.Errorf("%s differ", others)
	}
	return fmt.Errorf("%s and %s differ", events, others)
}

// audit audits the data and prints the report.
func (f *verifyFlags) audit(ctx context.Context, from, to int64, stream string) (audit.Report, error) {
	docs, _, err := f.open(ctx)
	if err != nil {
		return audit.Report{}, err
	}
	defer docs.Close()
	source, err := f.source(ctx, docs)
	if err != nil {
		return audit.Report{}, err
	}
	defer source.close()
	cfg := source.Config
	cfg.Docs, cfg.From, cfg.To, cfg.Market, cfg.Stream, cfg.LogOnly = docs, from, to, f.scope.Market, stream, f.logOnly
	if err := checkScope(cfg); err != nil {
		return audit.Report{}, err
	}
	if f.to == 0 { // without --to all documents are compared, even if to bounds the events
		cfg.DocumentsTo = math.MaxInt64
	}
	printer := &verifyPrinter{screen: f.screen, json: f.json, heights: source.heights}
	cfg.Found, cfg.Progress = printer.difference, printer.progress
	printer.begin(cfg)
	report, err := audit.Run(ctx, cfg)
	if failed := f.screen.Show(nil); err == nil {
		err = failed
	}
	if err != nil {
		if ctx.Err() != nil {
			return report, interruption(ctx)
		}
		return report, err
	}
	return report, cli.UnlessClosed(printer.end(report))
}

// jsonLine prints a value as a line of JSON.
func jsonLine(screen *cli.Screen, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(screen, "%s\n", text)
	return err
}
