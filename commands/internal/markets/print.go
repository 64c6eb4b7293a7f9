package markets

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// printer prints lines and keeps the first error.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

func (p *printer) json(indent string, value any) {
	text, err := json.MarshalIndent(value, indent, "  ")
	if err != nil {
		p.err = errors.Join(p.err, err)
		return
	}
	p.line("%s%s", indent, printable.JSON(text))
}

func (p *printer) verdict(v definition.Verdict) {
	p.line("    stream %s, %s (line %d)", v.Stream, v.Event, v.Line)
	if v.Given != "" {
		p.line("      provided that %s", v.Given)
	}
	if v.Reason != "" {
		p.line("      nothing: %s", printable.Text(v.Reason))
	}
	for _, e := range v.Events {
		p.json("      ", e)
	}
}

// documents prints the orders and records that events make, taken alone. An order's events are
// followed by the bulk cancels of its maker.
func (p *printer) documents(d *definition.Definition, chain string, events []markets.Event) {
	slices.SortStableFunc(events, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	var keys []string
	byKey := map[string][]markets.Event{}
	for _, e := range events {
		if e.Order == "" && e.Record == nil {
			continue
		}
		if byKey[e.Key()] == nil {
			keys = append(keys, e.Key())
		}
		byKey[e.Key()] = append(byKey[e.Key()], e)
	}
	if len(keys) > 0 {
		p.line("")
		p.line("  result of these events alone")
	}
	for _, key := range keys {
		if byKey[key][0].Order != "" {
			order, _ := markets.FoldOrder(chain, d.Market, key, concerning(key, events))
			p.json("    ", order)
		} else {
			record, _ := markets.FoldRecord(chain, d.Market, byKey[key])
			p.json("    ", record)
		}
	}
}

// concerning returns the events of an order and all bulk cancels, by position. The fold
// ignores the bulk cancels of other makers.
func concerning(order string, events []markets.Event) (all []markets.Event) {
	for _, e := range events {
		if e.Order == order || e.Kind == markets.OrdersCancelled {
			all = append(all, e)
		}
	}
	return all
}
