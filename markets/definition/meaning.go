package definition

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// denominations are the currencies that a source names.
type denominations struct {
	named []string
	coin  bool // the chain's own
	any   bool // an expression says which
}

func (d *denominations) name(currency string) {
	if !slices.Contains(d.named, currency) {
		d.named = append(d.named, currency)
	}
}

// sourceMeaning is what decides what a source's raw events become.
type sourceMeaning struct {
	Decoder, Event       string
	Contracts            []string
	Account, Coin        string
	Options              any
	Currencies           map[string]markets.Currency
	Handle, Member, Type string
	Own                  []string // the collections of the market's own orders
	Factory              string   // whose announcements the events are
	Factories            []string // whose contracts the events are of
}

// meaning is the meaning of a stream at a place. Sources of different events may be in any
// order.
func (d *Definition) meaning(st *stream, at *place, read markets.Source) markets.Meaning {
	sources := slices.Clone(st.sources)
	slices.SortStableFunc(sources, func(a, b *source) int { return strings.Compare(a.title(), b.title()) })
	total := len(sources) == 1 || d.Kind == markets.EVM // of repeated events on Aptos one is kept
	decoding := make([]sourceMeaning, len(sources))
	for i, src := range sources {
		decoding[i] = d.sourceMeaning(src, at)
		// A contract may log an event that is another contract's source only.
		total = total && src.isTotal() && slices.Equal(decoding[i].Contracts, decoding[0].Contracts)
	}
	var factories []sourceMeaning // which decide what is read
	for _, f := range st.factories() {
		factories = append(factories, d.sourceMeaning(f.source, at))
	}
	slices.SortFunc(factories, func(a, b sourceMeaning) int { return strings.Compare(a.Factory, b.Factory) })
	return markets.MeaningOf(read, factories, decoding, total)
}

func (d *Definition) sourceMeaning(src *source, at *place) sourceMeaning {
	m := sourceMeaning{
		Factory: src.factory, Factories: slices.Sorted(slices.Values(namesOf(src.factories))),
		Account: at.account, Handle: src.handle, Member: src.member, Type: src.eventType,
		Options: canonical(src.at, "raw", "contract", "event", "handle", "decoder"), Currencies: map[string]markets.Currency{},
	}
	if d.Kind == markets.EVM {
		m.Contracts, _ = at.addresses(src)
		slices.Sort(m.Contracts)
	}
	if src.own {
		m.Own = slices.Sorted(slices.Values(at.collections))
	}
	money := src.money
	switch {
	case src.decoder != nil:
		m.Decoder, money.coin = fmt.Sprintf("%s %d", src.code, src.decoder.Version), true
	case src.event != nil:
		m.Event = src.event.Declaration()
	case src.body != nil:
		m.Event = src.body.Layout(src.used)
	}
	if money.any {
		money.coin, money.named = true, slices.Collect(maps.Keys(d.currencies))
	}
	if money.coin {
		m.Coin = at.coin.Symbol
	}
	for _, name := range money.named {
		c := d.currencies[name]
		m.Currencies[c.Address] = c
	}
	return m
}

// isTotal says whether each raw event becomes something, or a dead letter.
func (s *source) isTotal() bool {
	return !s.anyone && s.decoder == nil && len(s.factories) == 0 && s.condition.isAlways() &&
		slices.ContainsFunc(s.outcomes, func(o *outcome) bool { return o.condition.isAlways() })
}

func (c *condition) isAlways() bool { return c.when == nil && c.each == nil }

// canonical is a node as it is compared: without the order of its options, the way it is
// written, and some options.
func canonical(n *yamlfile.Node, without ...string) any {
	switch {
	case n.IsText():
		return expression.Canonical(n.Text())
	case n.IsList() && len(n.Children()) == 1: // means the same as the item itself
		return canonical(n.Children()[0])
	case n.IsList():
		items := []any{}
		for _, item := range n.Children() {
			items = append(items, canonical(item))
		}
		return items
	}
	options := map[string]any{}
	for _, option := range n.Children() {
		if !slices.Contains(without, option.Name()) {
			options[option.Name()] = canonical(option)
		}
	}
	return options
}
