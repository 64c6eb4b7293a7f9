package definition

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/types"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/expression"
	"github.com/imart/event-worker/markets/definition/internal/move"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
	"github.com/imart/event-worker/markets/definition/internal/tokens"
)

// stream is a stream as its definition has it.
type stream struct {
	name    string
	line    int
	sources []*source
}

// source is a kind of raw event of a stream, and what it becomes.
type source struct {
	line      int
	outcomes  []*outcome
	condition condition
	used      map[string]bool // the names that its expressions depend on

	// EVM
	event     *solidity.Event
	fields    []solidity.Field
	contracts []string // names; all if empty
	anyone    bool     // of any contract
	transfers bool
	decoder   *Decoder
	code      string // the decoder's name

	// Aptos
	handle, member string // module::Resource and its field; "" for events by their type
	eventType      string // module::Struct
	body           *move.Struct
}

// title is what the source is of.
func (s *source) title() string {
	switch {
	case s.decoder != nil:
		return s.code
	case s.event != nil:
		return s.event.RawName
	}
	return s.eventType
}

// condition is when something happens and for which elements.
type condition struct {
	when *expression.Expression
	each *expression.Expression // a list
}

func (p *parsing) readStreams(s *section) {
	for _, f := range s.fields {
		st := &stream{name: f.key, line: f.at.Line}
		if !namePattern.MatchString(f.key) {
			f.add("names have small letters, digits and '-', at most 40 of them")
		}
		if f.ast == nil {
			f.add("name what it is made of: an event, and what that becomes")
			continue
		}
		for _, n := range f.list() {
			st.sources = append(st.sources, p.source(n.section()))
		}
		if slices.ContainsFunc(st.sources, func(s *source) bool { return s.handle != "" }) && len(st.sources) > 1 {
			f.add("a stream of an event handle has nothing else: make a stream of each")
		}
		if slices.ContainsFunc(st.sources, func(s *source) bool { return s.decoder != nil }) && len(st.sources) > 1 {
			f.add("a stream with a decoder has nothing else: make a stream of each")
		}
		p.streams = append(p.streams, st)
	}
	if len(s.fields) == 0 {
		s.add("describe at least one stream")
	}
	p.compareKeys()
}

func (p *parsing) source(s *section) *source {
	src := &source{used: map[string]bool{}}
	if s.at != nil {
		src.line = s.at.Line
	}
	defer s.done()
	var names types.Map
	switch {
	case p.Kind == markets.Aptos:
		names = p.moveSource(s, src)
	case p.codeSource(s, src):
		return src
	default:
		names = p.eventSource(s, src)
	}
	if names == nil { // said already; the rest would only repeat it
		s.known = append(s.known, "when", "for", "becomes")
		return src
	}
	sc := expression.NewScope(p.Kind, names)
	var inner expression.Scope
	src.condition, inner = p.condition(s, src, sc)
	if n, ok := s.needed("becomes", "the market events that it becomes"); ok {
		for _, n := range n.list() {
			src.outcomes = append(src.outcomes, p.outcome(n.section(), src, inner))
		}
	}
	if src.event != nil {
		src.fields = src.event.Fields(src.used)
	}
	return src
}

// codeSource reads a source that names a decoder; false if it does not.
func (p *parsing) codeSource(s *section, src *source) bool {
	n, name := s.text("decoder")
	if name == "" {
		return false
	}
	d, ok := p.Definition.source.Decoders[name]
	if !ok {
		var known []string
		for name := range p.Definition.source.Decoders {
			known = append(known, name)
		}
		slices.Sort(known)
		n.add("unknown decoder %s%s: there are %s", name, spelling.DidYouMean(name, known), strings.Join(known, ", "))
	}
	src.decoder, src.code = &d, name
	p.contractsOf(s, src)
	return true
}

// eventSource reads which events of which contracts a source is.
func (p *parsing) eventSource(s *section, src *source) types.Map {
	p.contractsOf(s, src)
	src.transfers = s.flag("transfers")
	n, ok := s.needed("event", "the name of an event of abi")
	if !ok {
		return nil
	}
	if src.event, ok = p.findEvent(n, n.text()); !ok {
		return nil
	}
	names := types.Map{"emitter": types.String, "coin": types.String}
	if src.transfers {
		names["moved"], names["paid"] = types.Array(tokens.MovedType), types.Array(tokens.PaidType)
	}
	for name, t := range src.event.Types() {
		names[name] = t
	}
	return names
}

// contractsOf reads the names of a source's contracts.
func (p *parsing) contractsOf(s *section, src *source) {
	var known []string
	for _, c := range p.Chains {
		for _, contract := range c.Contracts {
			known = append(known, contract.Name)
		}
	}
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	n, ok := s.field("contract")
	if !ok {
		return
	}
	for _, n := range n.list() {
		name := n.text()
		switch {
		case name == "any":
			src.anyone = true
		case len(known) > 0 && !slices.Contains(known, name):
			n.add("unknown contract %s%s: chains have %s", name, spelling.DidYouMean(name, known), strings.Join(known, ", "))
		default:
			src.contracts = append(src.contracts, name)
		}
	}
}

// moveSource reads the type of a source's events, and which handle they are of, if any.
func (p *parsing) moveSource(s *section, src *source) types.Map {
	handle, handled := s.field("handle")
	if handled {
		var found bool
		if src.handle, src.member, found = strings.Cut(handle.text(), "/"); !found || !strings.Contains(src.handle, "::") {
			handle.add("write it like my_market::Events/list_events: module::Resource/field")
		}
	}
	n, ok := s.needed("event", "the type of the events")
	if !ok {
		return nil
	}
	src.eventType = n.text()
	if account, _, _ := strings.Cut(src.eventType, "::"); strings.HasPrefix(account, "0x") {
		if _, err := address.Aptos(account); err != nil {
			n.fail(err)
		}
	}
	if !handled && !strings.Contains(src.eventType, "::") {
		n.add("without a handle the type alone tells the events: write it with its module, like my_market::%s", src.eventType)
	}
	body, ok := p.structs.Find(src.eventType)
	if !ok {
		n.add("unknown struct %s: declare it in types", src.eventType)
		return nil
	}
	var err error
	if src.body, err = p.structs.Resolve(body); err != nil {
		n.fail(err)
		return nil
	}
	look := types.TypeOf(func(string) string { return "" })
	names := types.Map{"account": types.String, "sender": types.String, "collectionOf": look, "nameOf": look}
	for name, t := range src.body.Types() {
		names[name] = t
	}
	return names
}

// condition reads when and for, and what can be seen then.
func (p *parsing) condition(s *section, src *source, sc expression.Scope) (c condition, inner expression.Scope) {
	if c.each = p.expression(s, "for", src, sc, expression.ListKind); c.each != nil {
		sc = sc.With(types.Map{"item": c.each.ElementType(), "index": types.Int})
	}
	c.when = p.expression(s, "when", src, sc, expression.BooleanKind) // of each element
	return c, sc
}

// expression reads and compiles a field that is an expression; nil if it is missing.
func (p *parsing) expression(s *section, key string, src *source, sc expression.Scope, want ...expression.Kind) *expression.Expression {
	n, ok := s.field(key)
	if !ok {
		return nil
	}
	text, ok := n.scalar()
	if !ok {
		n.add("expected an expression")
		return nil
	}
	e, err := sc.Compile(text, want...)
	if err != nil {
		n.fail(err)
		return nil
	}
	for _, name := range e.Names() {
		src.used[name] = true
	}
	return e
}
