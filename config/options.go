package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// DemoNode is the node name of the demo. No other process may have it, as it
// tells the demo's data from real ones.
const DemoNode = "demo"

// most bounds heights and sequence numbers: what every JSON reader holds exactly.
const most = 1 << 53

func (r *reader) data() string {
	if n := r.Root().Child("data"); n != nil {
		return n.Text()
	}
	return DefaultData
}

func (r *reader) node() string {
	n := r.Root().Child("node")
	if n == nil {
		if host, err := os.Hostname(); err == nil && host != DemoNode {
			return host
		}
		return "event-worker"
	}
	if n.Text() == DemoNode {
		n.Add("%q is the demo's own name: choose another", n.Text())
	}
	return n.Text()
}

// markets are those of a chain.
func (r *reader) markets(chain *yamlfile.Node, kind markets.ChainKind, site definition.Site) []Market {
	all := chain.Child("markets").Children()
	if len(all) == 0 {
		at := chain
		if n := chain.Child("markets"); n != nil {
			at = n
		}
		at.Add("no market to follow: known are %s", strings.Join(r.marketNames(kind), ", "))
	}
	var out []Market
	for _, n := range all {
		if m, ok := r.defined(n, kind, site); ok {
			out = append(out, Market{Market: chosen(n, m), Starts: starts(n, m), NoFacts: n.Child("facts").Text() == "false"})
		}
	}
	return out
}

// defined is the market of a name as its definition and the configuration have it for
// a chain.
func (r *reader) defined(n *yamlfile.Node, kind markets.ChainKind, site definition.Site) (markets.Market, bool) {
	d, err := r.definition(n.Name())
	switch {
	case err != nil:
		known := r.marketNames(kind)
		n.Add("unknown market%s: known are %s; definitions names files with others", spelling.DidYouMean(n.Name(), known), strings.Join(known, ", "))
		return markets.Market{}, false
	case kind != "" && d.Kind != kind:
		n.Add("is a market of %s chains and cannot be on one of kind %s", d.Kind, kind)
		return markets.Market{}, false
	}
	site.Contracts, site.Account = map[string][]string{}, n.Child("account").Text()
	for _, c := range n.Child("contracts").Children() {
		site.Contracts[c.Name()] = c.Texts()
	}
	site.Collections = n.Child("collections").Texts()
	m, err := d.On(site)
	if err != nil && site.ChainID != 0 {
		n.Add("%v", err)
		return m, false
	}
	if err == nil && n.Has("collections") && !slices.ContainsFunc(m.Streams, func(s markets.Stream) bool { return s.Own != nil }) {
		n.Child("collections").Add("all orders of its contracts are %s's: only a market with own: true can name collections", n.Name())
	}
	if notifies := n.Child("notifications"); notifies != nil {
		for i := range m.Streams {
			m.Streams[i].Notifies = notifies.Text() == "true"
		}
	}
	return m, err == nil
}

// definition is the definition of a market, which is built in or which the configuration names.
func (r *reader) definition(market string) (*definition.Definition, error) {
	if d, err := catalogue.BuiltIn(market); err == nil {
		return d, nil
	}
	return catalogue.Find(r.definitions, market)
}

// readDefinitions reads the definitions in the files that the option definitions names.
func (r *reader) readDefinitions() {
	for _, n := range r.Root().Child("definitions").List() {
		for _, file := range r.definitionFiles(n) {
			d, err := catalogue.Read(file)
			if problems, ok := errors.AsType[Problems](err); ok {
				n.AddAll(problems)
				continue
			}
			if err != nil {
				n.Add("%v", err)
				continue
			}
			if _, err := r.definition(d.Market); err == nil {
				n.Add("%s: there is another market %s: give this one another name", file, d.Market)
				continue
			}
			r.definitions = append(r.definitions, d)
		}
	}
}

// definitionFiles are the files that a name in definitions stands for: itself, or all
// *.yaml of a folder. Names are beside the configuration.
func (r *reader) definitionFiles(n *yamlfile.Node) []string {
	path := r.beside(n.Text())
	info, err := os.Stat(path)
	if err != nil {
		n.Add("%v", err)
		return nil
	}
	if !info.IsDir() {
		return []string{path}
	}
	files, err := filepath.Glob(filepath.Join(path, "*.yaml"))
	if err != nil || len(files) == 0 {
		n.Add("%s has no *.yaml", n.Text())
	}
	return files
}

// marketNames are the markets of one kind of chain, or all.
func (r *reader) marketNames(kind markets.ChainKind) []string {
	var names []string
	for _, d := range append(catalogue.All(), r.definitions...) {
		if kind == "" || d.Kind == kind {
			names = append(names, d.Market)
		}
	}
	return names
}

// chosen is a market with the streams that are chosen, all if none is.
func chosen(n *yamlfile.Node, m markets.Market) markets.Market {
	known := streamNamesOf(m)
	var names []string
	for _, n := range n.Child("streams").List() {
		switch name := n.Text(); {
		case !slices.Contains(known, name):
			n.Add("unknown stream %q%s: known are %s", name, spelling.DidYouMean(name, known), strings.Join(known, ", "))
		case slices.Contains(names, name):
			n.Add("%s is in the list twice", name)
		default:
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		m.Streams = slices.DeleteFunc(slices.Clone(m.Streams), func(s markets.Stream) bool { return !slices.Contains(names, s.Name) })
	}
	return m
}

func streamNamesOf(m markets.Market) (names []string) {
	for _, s := range m.Streams {
		names = append(names, s.Name)
	}
	return names
}
