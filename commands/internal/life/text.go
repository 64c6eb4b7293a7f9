// Package life prints the explanation of an order as text of at most 80 columns.
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

// width is the greatest width of a line, in columns.
const width = 80

// writer writes an explanation. Its fields are those of the order after the steps so far.
type writer struct {
	strings.Builder
	explain.Explanation
	fields explain.Fields
}

// Write prints an explanation: a summary, and then the events.
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

// summary describes the order's state.
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

// title describes the order on one line, and the point in time of the explanation.
func (w *writer) title() {
	name, what := w.Chain+"/"+w.Market, "order"
	if w.Order != nil {
		what = strings.TrimSpace(string(w.Order.Status) + " " + string(w.Order.Side))
	}
	w.line("", what+" of "+name+w.asOf()+", from "+human.Some(int64(len(w.Steps)), "event"))
	switch {
	case w.Order != nil:
	case w.At != nil && w.Later > 0:
		w.line("", "The order did not exist yet: its events are later.")
	default:
		w.line("", "The order does not exist yet: none of its events has been applied.")
	}
	if w.Later > 0 {
		w.line("", "Left out: "+human.Some(int64(w.Later), "later event")+".")
	}
	if read, behind := w.unread(); behind {
		w.line("", fmt.Sprintf("The market's orders have been read only up to %s %s.", w.Unit, human.Grouped(read)))
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

// unread returns the height up to which all streams are executed on the market's orders,
// and whether it is below the explanation's height.
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

// terms prints the order's terms.
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
	text := "submitted as " + strings.Trim(string(s.ID), `"`) + ", "
	switch {
	case s.Position == nil:
		return text + "pending"
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
		return "its events are final; streams that are behind may add more"
	}
	return fmt.Sprintf("no: a reorganisation can take back %s", human.Some(int64(open), "event"))
}

func (w *writer) agreement() string {
	switch n := int64(len(w.Waiting)); {
	case len(w.Differences) > 0:
		return "DIFFERS from its log: see below"
	case n > 0:
		return "lacks " + human.Some(n, "event") + " of its log: see below"
	}
	return "agrees with its log"
}

// step prints an event and its effect.
func (w *writer) step(s explain.Step) {
	w.event(s.Event, s.Final)
	w.details(s.Event)
	switch {
	case s.Anomaly:
		w.line("  ", "ANOMALY, ignored: "+string(s.Ignored))
	case !s.Concerns:
		w.line("  ", "does not concern the order: "+string(s.Ignored))
	case s.Ignored != "":
		w.line("  ", "partly ignored: "+string(s.Ignored))
	}
	if s.By != nil {
		w.line("  ", fmt.Sprintf("its nonce was cancelled before, in %s %s, transaction %s", w.Unit, human.Grouped(s.By.Position.Height), s.By.Transaction))
	}
	w.changes(s.Changes)
}

// details prints the content of an event that is not among the changed fields.
func (w *writer) details(e markets.Event) {
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
		w.line("  ", "accepts the signed order "+e.Signed)
	}
}

// event prints an event's kind, position and time.
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

// changes prints the changed fields, except those in hidden.
func (w *writer) changes(changes []explain.Change) {
	before := w.currency()
	w.fields.Apply(changes)
	after := w.currency()
	printed := 0
	for _, c := range changes {
		if slices.Contains(hidden, c.Field) {
			continue
		}
		printed++
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
	if printed == 0 {
		w.line("  ", "changes nothing")
	}
}

// hidden are the fields that are not printed: they follow from the events' positions, or
// only the worker uses them.
var hidden = []string{"chain", "market", "key", "first", "last", "checked", "open"}

// waiting prints the events that are not applied to the order yet.
func (w *writer) waiting() {
	for _, e := range w.Waiting {
		w.event(e.Event, e.Final)
		w.line("  ", "not applied: "+e.Reason)
	}
}

// differences prints the fields in which the document differs from the fold of the log.
func (w *writer) differences() {
	if len(w.Differences) == 0 {
		return
	}
	w.WriteString("\n")
	w.line("", "The stored document differs from the fold of its log, which is a bug:")
	for _, d := range w.Differences {
		w.line("  ", fmt.Sprintf("%s: stored as %s; folded from the log as %s", d.Field, raw(d.From), raw(d.To)))
	}
}

// row prints a line of the summary, unless its text is empty.
func (w *writer) row(name, text string) {
	if text != "" {
		w.hang(fmt.Sprintf("  %-10s", name), text)
	}
}

// field prints a changed field.
func (w *writer) field(name, text string) { w.hang(fmt.Sprintf("  %-11s ", name), text) }

// line prints a paragraph, all of whose lines are indented.
func (w *writer) line(indent, text string) { w.hang(indent, text) }

// hang prints a heading and a wrapped text, whose further lines align with the first.
func (w *writer) hang(heading, text string) {
	for i, line := range table.Wrap(printable.Text(text), width-len(heading)) {
		if i > 0 {
			heading = strings.Repeat(" ", len(heading))
		}
		w.WriteString(strings.TrimRight(heading+line, " ") + "\n")
	}
}
