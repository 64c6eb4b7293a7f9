package definition

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/types"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/internal/yamlfile"
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
	at        *yamlfile.Node
	line      int
	outcomes  []*outcome
	lets      []assignment
	condition condition
	used      map[string]bool // the names that its expressions depend on
	raw       bool            // its activities keep the raw event
	money     denominations

	factory string // the name of the factory that it is of; empty for those of streams

	// EVM
	event     *solidity.Event
	fields    []solidity.Field
	contracts []string   // names; all if empty and there are no factories
	factories []*factory // whose announced contracts it is of
	anyone    bool       // of any contract
	transfers bool
	window    tokens.Window // of the transfers
	envelope  bool          // expressions depend on the transaction's sender or value
	decoder   *Decoder
	code      string // the decoder's name
	own       bool   // only the market's own orders
	// settlement is nil unless the source names the token that its events settle sales of.
	settlement *settlement

	// Aptos
	handle, member string // module::Resource and its field; "" for events by their type
	eventType      string // module::Struct
	body           *move.Struct
	resources      []resource
}

// title is what the source is of.
func (s *source) title() string {
	switch {
	case s.decoder != nil:
		return s.code
	case s.event != nil && len(s.factories) > 0:
		return s.event.RawName + " of " + strings.Join(namesOf(s.factories), ", ")
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

func (p *parsing) readStreams(n *yamlfile.Node) {
	for _, n := range n.Children() {
		st := &stream{name: n.Name(), line: n.Line()}
		for _, n := range n.List() {
			st.sources = append(st.sources, p.source(n))
		}
		if slices.ContainsFunc(st.sources, func(s *source) bool { return s.handle != "" }) && len(st.sources) > 1 {
			n.Add("a stream of an event handle has nothing else: make a stream of each")
		}
		if slices.ContainsFunc(st.sources, func(s *source) bool { return s.decoder != nil }) && len(st.sources) > 1 {
			n.Add("a stream with a decoder has nothing else: make a stream of each")
		}
		p.streams = append(p.streams, st)
	}
	p.compareKeys()
}

func (p *parsing) source(n *yamlfile.Node) *source {
	src := &source{at: n, line: n.Line(), used: map[string]bool{}, raw: p.raw}
	if raw := n.Child("raw"); raw != nil {
		src.raw = raw.Text() == "true"
	}
	var names types.Map
	switch {
	case p.Kind == markets.Aptos:
		names = p.moveSource(n, src)
	case n.Has("decoder"):
		p.codeSource(n, src)
	default:
		names = p.eventSource(n, src)
	}
	if names == nil {
		return src
	}
	var sc, inner expression.Scope
	if src.settlement = p.settlement(n.Child("transferOf"), src, p.scope(names)); src.settlement != nil {
		names["transferred"] = types.Array(tokens.MovedType)
	}
	src.lets, sc = p.lets(n.Child("let"), src, p.scope(names))
	src.condition, inner = p.condition(n, src, sc)
	for _, n := range n.Child("becomes").List() {
		src.outcomes = append(src.outcomes, p.outcome(n, src, inner))
	}
	if src.event != nil {
		src.fields = src.event.Fields(src.used)
		src.envelope = src.usesEnvelope()
	}
	return src
}

// scope is that of a source's expressions.
func (p *parsing) scope(names types.Map) expression.Scope {
	sc := expression.NewScope(p.Kind, names)
	if p.Kind == markets.EVM {
		sc = sc.Decoding(solidity.ABI)
	}
	return sc
}

// codeSource reads a source that names a decoder.
func (p *parsing) codeSource(n *yamlfile.Node, src *source) {
	decoder := n.Child("decoder")
	src.code = decoder.Text()
	d, ok := p.Definition.source.Decoders[src.code]
	if !ok && decoder != nil {
		known := slices.Sorted(maps.Keys(p.Definition.source.Decoders))
		decoder.Add("unknown decoder %s%s: there are %s", src.code, spelling.DidYouMean(src.code, known), strings.Join(known, ", "))
	}
	src.decoder = &d
	src.own = n.Child("own").Text() == "true"
	p.contractsOf(n, src)
	if len(src.factories) > 0 {
		n.Child("contract").Add("a decoder reads contracts with addresses, and those of %s are announced", src.factories[0].name)
	}
}

// eventSource reads which events of which contracts a source is.
func (p *parsing) eventSource(n *yamlfile.Node, src *source) types.Map {
	p.contractsOf(n, src)
	transfers := n.Child("transfers")
	src.transfers, src.window = transfers != nil && transfers.Text() != "false", p.window(transfers)
	name := n.Child("event")
	if name == nil {
		return nil
	}
	var ok bool
	if src.event, ok = p.findEvent(name); !ok {
		return nil
	}
	names := types.Map{"emitter": types.String, "coin": types.String}
	maps.Copy(names, envelopeNames)
	if src.transfers {
		names["moved"], names["paid"] = types.Array(tokens.MovedType), types.Array(tokens.PaidType)
	}
	for name, t := range src.event.Types() {
		names[name] = t
	}
	return names
}

// contractsOf reads the names of a source's contracts.
func (p *parsing) contractsOf(n *yamlfile.Node, src *source) {
	known := p.contractNames()
	for _, n := range n.Child("contract").List() {
		name := n.Text()
		factory := p.factory(name)
		switch {
		case name == "any":
			src.anyone = true
		case factory != nil:
			src.factories = append(src.factories, factory)
		case len(known) > 0 && !slices.Contains(known, name):
			n.Add("unknown contract %s%s: chains have %s%s", name, spelling.DidYouMean(name, append(known, namesOf(p.factories)...)), strings.Join(known, ", "), p.orFactories())
		default:
			src.contracts = append(src.contracts, name)
		}
	}
}

// contractNames are the names of the chains' contracts.
func (p *parsing) contractNames() (names []string) {
	for _, c := range p.Chains {
		for _, contract := range c.Contracts {
			names = append(names, contract.Name)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// moveSource reads the type of a source's events, and which handle they are of, if any.
func (p *parsing) moveSource(n *yamlfile.Node, src *source) types.Map {
	handle, event := n.Child("handle"), n.Child("event")
	if handle != nil {
		var found bool
		if src.handle, src.member, found = strings.Cut(handle.Text(), "/"); !found || !strings.Contains(src.handle, "::") {
			handle.Add("write it like my_market::Events/list_events: module::Resource/field")
		}
	}
	if event == nil {
		return nil
	}
	src.eventType = event.Text()
	if account, _, _ := strings.Cut(src.eventType, "::"); strings.HasPrefix(account, "0x") {
		if _, err := address.Aptos(account); err != nil {
			fail(event, err)
		}
	}
	if handle == nil && !strings.Contains(src.eventType, "::") {
		event.Add("without a handle the type alone tells the events: write it with its module, like my_market::%s", src.eventType)
	}
	body, ok := p.structs.Find(src.eventType)
	if !ok {
		event.Add("unknown struct %s: declare it in types", src.eventType)
		return nil
	}
	var err error
	if src.body, err = p.structs.Resolve(body); err != nil {
		fail(event, err)
		return nil
	}
	look := types.TypeOf(func(string) string { return "" })
	names := types.Map{"account": types.String, "sender": types.String, "typeArguments": types.Array(types.String), "collectionOf": look, "nameOf": look}
	for name, t := range src.body.Types() {
		names[name] = t
	}
	p.resources(n.Child("resources"), src, names)
	return names
}

// letPattern is that of names in expressions.
var letPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// lets reads the names that a source gives to expressions: each can use those before it.
func (p *parsing) lets(n *yamlfile.Node, src *source, sc expression.Scope) (lets []assignment, inner expression.Scope) {
	for _, n := range n.Children() {
		switch {
		case !letPattern.MatchString(n.Name()):
			n.Add("%.80q is not a name: letters, digits and '_', not starting with a digit", n.Name())
		case sc.Has(n.Name()):
			n.Add("%s is taken: choose another name", n.Name())
		default:
			e := p.expression(n, src, sc)
			if e != nil {
				lets = append(lets, assignment{n.Name(), e})
				sc = sc.With(types.Map{n.Name(): e.Type()})
			}
		}
	}
	return lets, sc
}

// condition reads when and for, and what can be seen then.
func (p *parsing) condition(n *yamlfile.Node, src *source, sc expression.Scope) (c condition, inner expression.Scope) {
	if c.each = p.expression(n.Child("for"), src, sc, expression.ListKind); c.each != nil {
		sc = sc.With(types.Map{"item": c.each.ElementType(), "index": types.Int})
	}
	c.when = p.expression(n.Child("when"), src, sc, expression.BooleanKind) // of each element
	return c, sc
}

// expression compiles an option that is an expression; nil if it is missing.
func (p *parsing) expression(n *yamlfile.Node, src *source, sc expression.Scope, want ...expression.Kind) *expression.Expression {
	if n == nil {
		return nil
	}
	e, err := sc.Compile(n.Text(), want...)
	if err != nil {
		fail(n, err)
		return nil
	}
	for _, name := range e.Names() {
		src.used[name] = true
	}
	return e
}
