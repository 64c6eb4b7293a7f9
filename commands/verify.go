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

// verifyFlags are those of verify. Like retry's, they may name both the folder and the
// configuration.
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
		Short: "Read a chain again and compare it with the log and the documents",
		Long: `Read the blocks of a chain again, decode them as the worker does, and compare the events
with the log in the data: activities and dead letters that are missing, extra or
different, field by field. What contracts were found to say of orders is asked again as
of the same block, where a node still has its state. Orders, records and notifications
are compared with what the log makes; --log-only leaves that out.

Only what is final and what the streams have executed is compared: a worker may go on
meanwhile. A difference is told once it was found twice. --from and --to restrict the
heights: block numbers, or ledger versions on Aptos; both are included. With --endpoint
the chain is read from that node instead of the configured ones; only its host is shown.
The exit code is 0 if all events and documents agree, and 1 otherwise.

With --repair the streams with differences are rewound to before their first one, as by
rewind, and read again from the configured endpoints; orders and records that differ are
folded again from the log. A worker that runs is asked to do so, and what it has read
again is verified. --dry-run says what would be undone.

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
	c.Flags().BoolVar(&f.logOnly, "log-only", false, "leave orders, records and notifications out")
	c.Flags().BoolVar(&f.repair, "repair", false, "mend what differs: read streams again, fold documents again")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "with --repair: only say what would be undone")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON lines: each difference, and the report at the end")
	return c
}

// check reads the arguments.
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
		return fmt.Errorf("--to %d: it is before --from %d", f.to, f.from)
	case f.dryRun && !f.repair:
		return errors.New("--dry-run: it says what --repair would do: pass --repair, too")
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
	return f.mend(ctx, report)
}

// differ is the error of a report in which not all agree.
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

// audit audits the data, and prints what is found.
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
	if err := known(cfg); err != nil {
		return audit.Report{}, err
	}
	if f.to == 0 { // a repair verifies what was final before
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
func jsonLine(out io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cli.Readable(out, out), "%s\n", text)
	return err
}
