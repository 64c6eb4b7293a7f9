// Package life prints explanations for people: an order's life within 80 columns.
package life

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/explain"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/markets"
)

// width is how many columns a line has at most.
const width = 80

// writer writes an explanation, and keeps the order as the steps so far have left it.
type writer struct {
	strings.Builder
	explain.Explanation
	fields explain.Fields
}

// Write prints an explanation: a summary, and then the order's life.
func Write(out io.Writer, e explain.Explanation) error {
	w := &writer{Explanation: e, fields: explain.Fields{}}
	w.summary()
	for _, s := range e.Steps {
		w.step(s)
	}
	w.waiting()
	w.differences()
	_, err := io.WriteString(out, w.String())
	return err
}

// summary says what the order is, and what became of it.
func (w *writer) summary() {
	w.title()
	hash, contract, _ := strings.Cut(w.Key, "@")
	w.row("order", hash)
	w.row("contract", contract)
	if o := w.Order; o != nil {
		w.terms(o)
		w.row("fillable", string(w.Verdict.Answer)+": "+strings.Join(w.Verdict.Because, "; "))
	}
	for _, s := range w.Signed {
		w.row("signed", signed(s, w.Unit))
	}
	if len(w.Steps) > 0 {
		w.row("final", w.finality())
	}
	w.row("document", w.agreement())
}

// title is the order in one line, and as of when.
func (w *writer) title() {
	name, what := w.Chain+"/"+w.Market, "order"
	if w.Order != nil {
		what = strings.TrimSpace(string(w.Order.Status) + " " + string(w.Order.Side))
	}
	w.line("", what+" of "+name+w.asOf()+", from "+human.Some(int64(len(w.Steps)), "event"))
	switch {
	case w.Order != nil:
	case w.At != nil && w.Later > 0:
		w.line("", "The order did not exist then: its events are later.")
	default:
		w.line("", "The order does not exist: none of its own events is in it yet.")
	}
	if w.Later > 0 {
		w.line("", "Left out: "+human.Some(int64(w.Later), "later event")+".")
	}
	if read, behind := w.unread(); behind {
		w.line("", fmt.Sprintf("The market's orders are only read up to %s %s.", w.Unit, human.Grouped(read)))
	}
}

func (w *writer) asOf() string {
	switch at := w.At; {
	case at == nil:
		return ""
	case at.Height != nil:
		return fmt.Sprintf(" at the end of %s %s", w.Unit, human.Grouped(*at.Height))
	default:
		return " at " + explain.Clock(*at.Time)
	}
}

// unread is up to where all streams are read into orders, if that is not as far as the
// explanation's height.
func (w *writer) unread() (least int64, behind bool) {
	if w.At == nil || w.At.Height == nil {
		return 0, false
	}
	least = *w.At.Height
	for _, s := range w.Streams {
		if s.Orders != nil && s.Name != markets.StateStream {
			least = min(least, *s.Orders)
		}
	}
	return least, least < *w.At.Height
}

// terms are what the order is for.
func (w *writer) terms(o *markets.Order) {
	w.row("token", token(o.Token))
	if n := len(o.Bundle); n > 1 {
		w.row("bundle", human.Some(int64(n), "item"))
	}
	if o.Quantity.Known() || o.Filled.Known() {
		w.row("filled", known(o.Filled)+" of "+known(o.Quantity))
	}
	w.row("price", money(o.Price, o.Currency))
	w.row("maker", o.Maker)
	w.row("taker", o.Taker)
	w.row("for", o.ReservedFor)
	if o.ExpiresAt != nil {
		w.row("expires", explain.Clock(*o.ExpiresAt))
	}
	if o.Anomalies > 0 {
		w.row("anomalies", human.Some(o.Anomalies, "event")+" that made no sense in the order's state")
	}
}

func known(a markets.Amount) string {
	if !a.Known() {
		return "an unknown number"
	}
	return string(a)
}

func signed(s explain.Signed, unit string) string {
	text := "handed in as " + strings.Trim(string(s.ID), `"`) + ", "
	switch {
	case s.Position == nil:
		return text + "not answered yet"
	case s.Reason != "":
		return fmt.Sprintf("%s%s at %s %s: %s", text, s.State, unit, human.Grouped(s.Position.Height), s.Reason)
	}
	return fmt.Sprintf("%s%s at %s %s", text, s.State, unit, human.Grouped(s.Position.Height))
}

func (w *writer) finality() string {
	if w.Final && w.At == nil {
		return "yes: no reorganisation can change it"
	}
	open := 0
	for _, s := range w.Steps {
		if !s.Final {
			open++
		}
	}
	if open == 0 {
		return "its events are; streams that are behind may add others"
	}
	return fmt.Sprintf("no: a reorganisation can take back %s", human.Some(int64(open), "event"))
}

func (w *writer) agreement() string {
	switch n := int64(len(w.Waiting)); {
	case len(w.Differences) > 0:
		return "DIFFERS from what its log makes: see below"
	case n > 0:
		return "lacks " + human.Some(n, "event") + " that the log has: see below"
	}
	return "is what its log makes"
}

// step tells an event and what it did.
func (w *writer) step(s explain.Step) {
	w.event(s.Event, s.Final)
	w.said(s.Event)
	switch {
	case s.Anomaly:
		w.line("  ", "ANOMALY, ignored: "+string(s.Ignored))
	case !s.Concerns:
		w.line("  ", "does not concern the order: "+string(s.Ignored))
	case s.Ignored != "":
		w.line("  ", "in part ignored: "+string(s.Ignored))
	}
	if s.By != nil {
		w.line("  ", fmt.Sprintf("its nonce was cancelled before, in %s %s, transaction %s", w.Unit, human.Grouped(s.By.Position.Height), s.By.Transaction))
	}
	w.changes(s.Changes)
}

// said is what an event says beside the fields that it changes.
func (w *writer) said(e markets.Event) {
	if e.Kind == markets.OrdersCancelled {
		w.line("  ", "cancels "+cancelled(e))
	}
	if e.Fact != nil {
		w.line("  ", "contracts say: "+fact(*e.Fact))
	}
	switch {
	case e.Kind == markets.SignedRefused:
		w.line("  ", "refuses the signed order "+e.Signed+": "+e.Reason)
	case e.Signed != "":
		w.line("  ", "takes in the signed order "+e.Signed)
	}
}

// event is what happened, where and when.
func (w *writer) event(e markets.Event, final bool) {
	w.WriteString("\n")
	w.line("", fmt.Sprintf("%s in %s %s at %s", e.Kind, w.Unit, human.Grouped(e.Position.Height), explain.Clock(e.Time)))
	place := fmt.Sprintf("stream %s, ", e.Stream)
	if w.Unit == "block" {
		place += fmt.Sprintf("transaction %d, log %d", e.Position.Transaction, e.Position.Log)
	} else {
		place += fmt.Sprintf("event %d", e.Position.Log)
	}
	if e.Position.Sub > 0 {
		place += fmt.Sprintf(", part %d", e.Position.Sub+1)
	}
	if !final {
		place += ", not final"
	}
	w.line("  ", place)
	if e.Transaction != "" {
		w.line("  ", "tx "+e.Transaction)
	}
}

// changes tells what became of the fields that people read.
func (w *writer) changes(changes []explain.Change) {
	before := w.currency()
	w.fields.Apply(changes)
	after := w.currency()
	told := 0
	for _, c := range changes {
		if slices.Contains(untold, c.Field) {
			continue
		}
		told++
		from, to := value(c.Field, c.From, before), value(c.Field, c.To, after)
		switch {
		case c.From == nil:
			w.field(c.Field, to)
		case c.To == nil:
			w.field(c.Field, from+" → none")
		default:
			w.field(c.Field, from+" → "+to)
		}
	}
	if told == 0 {
		w.line("  ", "changes nothing")
	}
}

// untold are the fields that follow from the events' positions, or are of use to the worker
// only.
var untold = []string{"chain", "market", "key", "first", "last", "checked", "open"}

// waiting tells what the order does not have yet.
func (w *writer) waiting() {
	for _, e := range w.Waiting {
		w.event(e.Event, e.Final)
		w.line("  ", "not in the order: "+e.Reason)
	}
}

// differences tells how the document differs from the fold of the log.
func (w *writer) differences() {
	if len(w.Differences) == 0 {
		return
	}
	w.WriteString("\n")
	w.line("", "The stored document differs from what its log makes, which must not be:")
	for _, d := range w.Differences {
		w.line("  ", fmt.Sprintf("%s: stored as %s; its log makes %s", d.Field, raw(d.From), raw(d.To)))
	}
}

// row is a line of the summary; none if there is nothing to say.
func (w *writer) row(name, text string) {
	if text != "" {
		w.hang(fmt.Sprintf("  %-10s", name), text)
	}
}

// field is a line of a step's changes.
func (w *writer) field(name, text string) { w.hang(fmt.Sprintf("  %-11s ", name), text) }

// line is a paragraph whose lines are all indented.
func (w *writer) line(indent, text string) { w.hang(indent, text) }

// hang writes a text behind a heading, wrapped, its further lines below its first one.
func (w *writer) hang(heading, text string) {
	for i, line := range table.Wrap(printable.Text(text), width-len(heading)) {
		if i > 0 {
			heading = strings.Repeat(" ", len(heading))
		}
		w.WriteString(strings.TrimRight(heading+line, " ") + "\n")
	}
}
