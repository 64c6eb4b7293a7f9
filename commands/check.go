package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence/embedded"
)

const (
	// printedDamage bounds the damage that is printed, except as JSON.
	printedDamage = 100
	// checkRedraw is how often progress is shown on a terminal.
	checkRedraw = 100 * time.Millisecond
)

func newCheck() *cobra.Command {
	var flags dataFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Check a data folder for damage by its disk",
		Long: `Read all of a data folder and print everything that is not as it was written: each page
of the database, of which there is a checksum; commits that the write-ahead log has
lost; the structure of the database; and each document with what it is found by. It
works while a worker runs. The exit code is 0 if nothing is damaged, and 1 otherwise.

A worker notices damage itself when it reads it. It cannot repair it: restore a backup
or a copy of the data, or move the files event-worker.db* away to read everything from
the chains again. Whether the log agrees with the chain is what "verify" finds out.

` + dataHelp + `

Data in MongoDB need no such check: its storage engine has checksums.`,
		Example: `  event-worker check --data event-worker-demo
  event-worker check --json`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			at, err := flags.locate()
			if err == nil {
				err = checkFolder(c.Context(), at, &checkPrinter{screen: cli.NewScreen(c.OutOrStdout()), json: asJSON})
			}
			return cli.Named(c, err)
		},
	}
	flags.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines: each damage, then the report")
	return c
}

func checkFolder(ctx context.Context, at location, p *checkPrinter) error {
	if at.folder == "" {
		return errors.New("the data are in MongoDB, which has checksums of its own: name a data folder with --data DIR")
	}
	checked, err := embedded.Check(ctx, at.folder, p.progress, p.damage)
	if failed := p.screen.Show(nil); err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	if err := p.end(at, checked); err != nil {
		return cli.UnlessClosed(err)
	}
	if checked.Damaged > 0 {
		return fmt.Errorf("%s is damaged in %s", at, human.Some(checked.Damaged, "place"))
	}
	return nil
}

// checkPrinter prints a check.
type checkPrinter struct {
	screen  *cli.Screen
	json    bool
	printed int
	drawn   time.Time
}

// damage prints damage.
func (p *checkPrinter) damage(d embedded.Damage) {
	if p.json {
		_ = jsonLine(p.screen, struct { // if it fails, so does the report
			Damage embedded.Damage `json:"damage"`
		}{d})
		return
	}
	if p.printed++; p.printed > printedDamage {
		return
	}
	place := d.File
	if d.Collection != "" {
		place = fmt.Sprintf("%s, row %d", d.Collection, d.Row)
	}
	fmt.Fprintf(p.screen, "damaged  %s: %s\n", printable.Text(place), printable.Line(d.Reason, 300))
}

// progress shows the progress on a terminal.
func (p *checkPrinter) progress(now embedded.Checking) {
	if p.json || !p.screen.OnTerminal() || time.Since(p.drawn) < checkRedraw {
		return
	}
	p.drawn = time.Now()
	line := "checking the " + now.Step
	if now.Total > 0 {
		line += fmt.Sprintf(": %s of %s", human.Grouped(now.Done), human.Grouped(now.Total))
	}
	_ = p.screen.Show(func(width, _ int) []string { return table.Wrap(line, width) }) // if it fails, so does the report
}

// end prints the report.
func (p *checkPrinter) end(at location, c embedded.Checked) error {
	if p.json {
		return jsonLine(p.screen, struct {
			Report embedded.Checked `json:"report"`
		}{c})
	}
	if more := p.printed - printedDamage; more > 0 {
		fmt.Fprintf(p.screen, "… and %d more: --json prints all\n", more)
	}
	verdict := "Nothing is damaged"
	if c.Damaged > 0 {
		verdict = human.Some(c.Damaged, "place") + " damaged"
	}
	_, err := fmt.Fprintf(p.screen, "%s: %s and %s of %s were read.\n", verdict, human.Some(c.Pages, "page"), human.Some(c.Documents, "document"), printable.Text(at.String()))
	return err
}
