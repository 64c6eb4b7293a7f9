package definition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// maxAnnouncement bounds the data of an event that announces contracts, in bytes: one that is
// larger than what is decoded at all would be known to the reader of the chain alone.
const maxAnnouncement = 1 << 16

var errLongAnnouncement = fmt.Errorf("announces contracts in more than %d bytes", maxAnnouncement)

// factory announces contracts.
type factory struct {
	name string
	*source
}

func namesOf(factories []*factory) (names []string) {
	for _, f := range factories {
		names = append(names, f.name)
	}
	return names
}

// factory is that of a name, nil if there is none.
func (p *parsing) factory(name string) *factory {
	if i := slices.IndexFunc(p.factories, func(f *factory) bool { return f.name == name }); i >= 0 {
		return p.factories[i]
	}
	return nil
}

// orFactories says which factories there are, in a message about contracts.
func (p *parsing) orFactories() string {
	if len(p.factories) == 0 {
		return ""
	}
	return ", factories have " + strings.Join(namesOf(p.factories), ", ")
}

func (p *parsing) readFactories(n *yamlfile.Node) {
	var all []*factory
	for _, n := range n.Children() {
		name := n.Name()
		if name == "any" || slices.Contains(p.contractNames(), name) {
			n.Add("%s is the name of a contract already", name)
		}
		all = append(all, p.readFactory(name, n))
	}
	p.factories = all // none is of contracts that another one announces
}

func (p *parsing) readFactory(name string, n *yamlfile.Node) *factory {
	src := &source{at: n, line: n.Line(), factory: name, used: map[string]bool{}, raw: p.raw}
	names := p.eventSource(n, src)
	if src.anyone {
		n.Child("contract").Add("anybody could announce contracts: name those that do")
	}
	if names == nil {
		return &factory{name, src}
	}
	var inner expression.Scope
	src.condition, inner = p.condition(n, src, p.scope(names))
	announced := p.expression(n.Child("address"), src, inner, expression.TextKind)
	src.outcomes = []*outcome{{at: n, kind: markets.ContractCreated, announced: announced}}
	src.fields = src.event.Fields(src.used)
	return &factory{name, src}
}

// findIdleFactories warns of factories that no source names.
func (p *parsing) findIdleFactories(n *yamlfile.Node) {
	for _, n := range n.Children() {
		used := slices.ContainsFunc(p.streams, func(st *stream) bool {
			return slices.ContainsFunc(st.factories(), func(f *factory) bool { return f.name == n.Name() })
		})
		if !used {
			n.Warn("no source has contract: %s", n.Name())
		}
	}
}

// factories are those whose contracts the stream reads.
func (st *stream) factories() (all []*factory) {
	for _, src := range st.sources {
		for _, f := range src.factories {
			if !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	return all
}

// allSources are the stream's sources, those of its factories first.
func (st *stream) allSources() (all []*source) {
	for _, f := range st.factories() {
		all = append(all, f.source)
	}
	return append(all, st.sources...)
}

// announces says whether one of a factory's contracts is there.
func (at *place) announces(f *factory) bool {
	addresses, _ := at.addresses(f.source)
	return len(addresses) > 0
}

// factoriesOn are the stream's factories on a chain.
func (d *Definition) factoriesOn(st *stream, at *place, s markets.Stream) *markets.Factories {
	var announcing, sources []*boundSource
	for _, src := range st.allSources() {
		b := d.boundSource(src, at)
		sources = append(sources, b)
		if src.factory != "" {
			announcing = append(announcing, b)
		}
	}
	decode := markets.Stream{Name: st.name, Decode: s.Decode}
	reads := func(sources []*boundSource, raw *markets.Raw) bool {
		return slices.ContainsFunc(sources, func(b *boundSource) bool { return b.match(raw) != errNotOurs })
	}
	return &markets.Factories{
		Names: namesOf(st.factories()), Contracts: s.Source.Addresses,
		Reads: func(raw *markets.Raw) bool { return reads(sources, raw) },
		Announces: func(raw *markets.Raw) (all []markets.Announcement) {
			if !reads(announcing, raw) {
				return nil
			}
			events, _ := decode.DecodeAll([]markets.Raw{*raw})
			for _, e := range events {
				if e.Kind == markets.ContractCreated {
					all = append(all, e.Announcement())
				}
			}
			return all
		},
	}
}
