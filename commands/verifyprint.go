package commands

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
)

const (
	// printedDifferences bounds the differences that are printed, except as JSON.
	printedDifferences = 100
	// valueShown limits the display of a field's value, in bytes.
	valueShown = 60
	// verifyLines is the interval at which progress is printed without a terminal.
	verifyLines = 10 * time.Second
)

// verifyPrinter prints an audit.
type verifyPrinter struct {
	screen  *cli.Screen
	json    bool
	heights string
	chain   string
	printed int
	begun   time.Time
	said    time.Time
}

func (p *verifyPrinter) begin(cfg audit.Config) {
	p.chain, p.begun, p.said = cfg.Chain, time.Now(), time.Now()
	if !p.json {
		fmt.Fprintf(p.screen, "Comparing the log of %s with %s.\n", cfg.Chain, printable.Line(cfg.Hosts, 200))
	}
}

// difference prints a difference.
func (p *verifyPrinter) difference(d audit.Difference) {
	if p.json {
		_ = jsonLine(p.screen, struct { // if it fails, so does the report
			Difference audit.Difference `json:"difference"`
		}{d})
		return
	}
	if p.printed++; p.printed <= printedDifferences {
		fmt.Fprintln(p.screen, describeDifference(d))
	}
}

// describeDifference describes a difference on one line, and each field that differs on
// another.
func describeDifference(d audit.Difference) string {
	var b strings.Builder
	at := d.Position
	if d.Collection != "" {
		fmt.Fprintf(&b, "%-9s %s %s  %s", d.Kind, d.Market, d.Collection, printable.Line(d.Order, 4*valueShown))
		for _, f := range d.Fields {
			fmt.Fprintf(&b, "\n          %s: %s in the document, %s by the log", printable.Line(f.Path, valueShown), valueOf(f.Document), valueOf(f.Log))
		}
		return b.String()
	}
	fmt.Fprintf(&b, "%-9s %s/%s  %s.%d.%d  %s", d.Kind, d.Market, d.Stream, human.Grouped(at.Height), at.Transaction, at.Log, printable.Line(d.Event, valueShown))
	if d.Order != "" {
		fmt.Fprintf(&b, "  %s", printable.Line(d.Order, 2*valueShown))
	}
	if d.Transaction != "" {
		fmt.Fprintf(&b, "  in %s", printable.Line(d.Transaction, 70))
	}
	if d.Note != "" {
		fmt.Fprintf(&b, "\n          %s", printable.Line(d.Note, 200))
	}
	for _, f := range d.Fields {
		fmt.Fprintf(&b, "\n          %s: %s in the log, %s on the chain", printable.Line(f.Path, valueShown), valueOf(f.Log), valueOf(f.Chain))
	}
	return b.String()
}

func valueOf(v json.RawMessage) string {
	if v == nil {
		return "nothing"
	}
	return printable.Line(string(v), valueShown)
}

// progress prints the progress of the audit.
func (p *verifyPrinter) progress(now audit.Progress) {
	if p.json {
		return
	}
	took := time.Since(p.begun)
	line := fmt.Sprintf("%.1f %%, %s compared, %s differ, %s at %s", 100*now.Done, human.Some(now.Events, "event"), human.Grouped(now.Differ()), now.Stream, human.Grouped(now.Height))
	if now.Done > 0.01 && now.Done < 1 && took > time.Second {
		line += ", about " + time.Duration(float64(took)*(1-now.Done)/now.Done).Round(time.Second).String() + " left"
	}
	switch {
	case p.screen.OnTerminal():
		_ = p.screen.Show(func(width, _ int) []string { return table.Wrap(line, width) }) // if it fails, so does the report
	case time.Since(p.said) > verifyLines:
		p.said = time.Now()
		fmt.Fprintln(p.screen, line)
	}
}

// end prints the report of the audit.
func (p *verifyPrinter) end(r audit.Report) error {
	if p.json {
		return jsonLine(p.screen, struct {
			Report audit.Report `json:"report"`
		}{r})
	}
	if more := p.printed - printedDifferences; more > 0 {
		fmt.Fprintf(p.screen, "… and %s: --json prints all\n", human.Some(int64(more), "difference"))
	}
	if err := verifyTable(p.screen, r); err != nil {
		return err
	}
	for _, s := range r.Streams {
		for _, note := range s.Notes {
			fmt.Fprintf(p.screen, "%s/%s/%s: %s\n", r.Chain, s.Market, s.Stream, printable.Line(note, 300))
		}
		if s.Decodable > 0 {
			fmt.Fprintf(p.screen, "%s/%s/%s: %s can be decoded now: see retry\n", r.Chain, s.Market, s.Stream, human.Some(s.Decodable, "dead letter"))
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintln(p.screen, printable.Line(note, 300))
	}
	_, err := fmt.Fprintf(p.screen, "\n%s\n", verdict(r, p.heights))
	return err
}

// verifyTable prints a line for each stream.
func verifyTable(out io.Writer, r audit.Report) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nstream\tfrom\tto\tevents\tmissing\textra\tdifferent")
	for _, s := range r.Streams {
		from, to := human.Grouped(s.From), human.Grouped(s.To)
		if s.From > s.To {
			from, to = "-", "-"
		}
		fmt.Fprintf(table, "%s/%s/%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Chain, s.Market, s.Stream, from, to, human.Grouped(s.Events),
			human.Grouped(s.Missing), human.Grouped(s.Extra), human.Grouped(s.Different))
	}
	if len(r.Documents) > 0 {
		fmt.Fprintln(table, "\ndocuments\t\t\tcompared\tmissing\textra\tdifferent")
	}
	for _, d := range r.Documents {
		fmt.Fprintf(table, "%s/%s %s\t\t\t%s\t%s\t%s\t%s\n", r.Chain, d.Market, d.Collection, human.Grouped(d.Compared),
			human.Grouped(d.Missing), human.Grouped(d.Extra), human.Grouped(d.Different))
	}
	return table.Flush()
}

// verdict states the shares of events and documents that agree.
func verdict(r audit.Report, heights string) string {
	from, to, any := r.Range()
	if !any {
		return "Nothing was compared: no stream has executed final events in this range."
	}
	text := fmt.Sprintf("%s: %s %s to %s, read from %s.", agreement(r.Counts), heights, human.Grouped(from), human.Grouped(to), printable.Line(r.Source, 200))
	if len(r.Documents) > 0 {
		text += "\n" + agreementOfDocuments(r.Documents) + "."
	}
	return text
}

// agreementOfDocuments states the share of documents that agree with the log.
func agreementOfDocuments(all []audit.Documents) string {
	d := persistence.DocumentsOf(all)
	return fmt.Sprintf("%s of %s agree with the log, %s", human.Grouped(d.Compared-d.Differ()), human.Some(d.Compared, "document"), share(d.Compared-d.Differ(), d.Compared))
}

// agreement states the share of events that agree with the chain.
func agreement(c audit.Counts) string {
	verb := "agree"
	if c.Events == 1 {
		verb = "agrees"
	}
	return fmt.Sprintf("%s of %s %s, %s", human.Grouped(c.Agree), human.Some(c.Events, "event"), verb, share(c.Agree, c.Events))
}

// share is a part in percent, rounded so that only all is 100 % and only nothing is 0 %.
func share(part, all int64) string {
	switch {
	case part == all:
		return "100 %"
	case part == 0:
		return "0 %"
	}
	percent := 100 * float64(part) / float64(all)
	return fmt.Sprintf("%.2f %%", min(99.99, max(0.01, percent)))
}
