package config

import (
	"errors"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// DemoNode is the node name of the demo. No other process may have it, as it
// tells the demo's data from real ones.
const DemoNode = "demo"

// most bounds heights and sequence numbers: what every JSON reader holds exactly.
const most = 1 << 53

func (s *section) data() string { return s.text("data", DefaultData) }

func (s *section) node() string {
	v, ok := s.value("node")
	if !ok {
		if host, err := os.Hostname(); err == nil && host != DemoNode {
			return host
		}
		return "event-worker"
	}
	if v.text == DemoNode {
		s.add(v, "node", "%q is the demo's own name: choose another", v.text)
	}
	return v.text
}

func (s *section) log() Log {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	l := Log{
		Level:  levels[s.choice("level", "info", "debug", "info", "warn", "error")],
		Format: s.choice("format", "text", Formats...),
		Dir:    s.text("dir", ""),
	}
	s.done()
	return l
}

func (s *section) tuning() actors.Tuning {
	t := actors.DefaultTuning
	t.Credit = int(s.number("credit", int64(t.Credit), 1, 100))
	t.Ahead = int(s.number("ahead", int64(t.Ahead), 1, 1000))
	t.Events = int(s.number("events", int64(t.Events), 1, 100_000))
	t.Portion = int(s.number("portion", int64(t.Portion), 1, 100_000))
	t.Idle = s.duration("idle", t.Idle)
	t.Abreast = s.duration("abreast", t.Abreast)
	t.Tick = s.duration("tick", t.Tick)
	t.Stuck = s.duration("stuck", t.Stuck)
	s.done()
	return t
}

// namePattern keeps names fit for keys and for variables.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (s *section) chains() []Chain {
	names, sections := s.children()
	if len(names) == 0 {
		s.add(value{line: s.line}, s.path, "no chain to follow: describe at least one, as event-worker config example does")
	}
	var chains []Chain
	for i, name := range names {
		if !namePattern.MatchString(name) {
			s.add(value{line: sections[i].line}, s.option(name), "names have small letters, digits and '-', at most 40 of them")
		}
		chains = append(chains, sections[i].chain(name))
	}
	return chains
}

func (s *section) chain(name string) Chain {
	c := Chain{
		Name:     name,
		Kind:     s.kind(),
		ID:       uint64(s.number("chainId", 0, 1, most)),
		Endpoint: s.endpoint(),
		Header:   s.child("headers").headers(),
		Poll:     s.duration("poll", 5*time.Second),
		Timeout:  s.duration("timeout", 30*time.Second),
	}
	if c.ID == 0 {
		s.missing("chainId", "the number that the chain calls itself by, such as 1 for Ethereum and for Aptos")
	}
	c.Confirmations = s.onlyEVM("confirmations", c.Kind, 10_000)
	c.MaxUnfinal = s.onlyEVM("maxUnfinal", c.Kind, 100_000)
	c.MaxRange = s.onlyEVM("maxRange", c.Kind, 10_000_000)
	c.Coin = s.coin(c.Kind)
	c.Recorded = s.choice("recorded", "false", "false", "true") == "true"
	c.Markets = s.child("markets").markets(c.Kind, definition.Site{ChainID: c.ID, Coin: c.Coin})
	s.done()
	return c
}

// missing reports an option that must be set and is not.
func (s *section) missing(key, what string) {
	if v, set := s.has(key); !set {
		s.add(v, s.path, "%s is missing: %s", key, what)
	}
}

func (s *section) kind() markets.ChainKind {
	kind := markets.ChainKind(s.choice("kind", "", string(markets.EVM), string(markets.Aptos)))
	if kind == "" {
		s.missing("kind", "write evm or aptos")
	}
	return kind
}

// onlyEVM is a number that only EVM chains have; 0 if it is not set.
func (s *section) onlyEVM(key string, kind markets.ChainKind, most int64) int64 {
	n := s.number(key, 0, 1, most)
	s.refuseOnAptos(key, kind)
	return n
}

func (s *section) refuseOnAptos(key string, kind markets.ChainKind) {
	if v, set := s.has(key); set && kind == markets.Aptos {
		s.add(v, s.option(key), "is for chains of kind evm only: take it out")
	}
}

// coinPattern keeps a coin's symbol to what wallets show.
var coinPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,15}$`)

// coin is the symbol of an EVM chain's own coin; empty if it is not set.
func (s *section) coin(kind markets.ChainKind) string {
	v, set := s.value("coin")
	if set && !coinPattern.MatchString(v.text) {
		s.add(v, s.option("coin"), "%q is no symbol of a coin: write it like BNB", v.text)
	}
	s.refuseOnAptos("coin", kind)
	return v.text
}

// endpoint is a URL that may have variables in it. It is never shown.
func (s *section) endpoint() string {
	v, ok := s.secret("endpoint")
	if !ok {
		s.missing("endpoint", "the URL of a node, such as https://host/path")
		return ""
	}
	u, err := url.Parse(v.text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		s.add(v, s.option("endpoint"), "is no URL that begins with http:// or https:// and a host")
	}
	return v.text
}

// headers are HTTP headers, whose values may have variables in them.
func (s *section) headers() http.Header {
	header := http.Header{}
	for _, e := range s.entries {
		v, ok := s.secret(e.key)
		switch {
		case !ok:
		case !headerName.MatchString(e.key), strings.ContainsFunc(v.text, unicode.IsControl):
			s.add(v, s.option(e.key), "is no HTTP header")
		default:
			header.Set(textproto.CanonicalMIMEHeaderKey(e.key), v.text)
		}
	}
	s.done()
	return header
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// secret is a value in which ${NAME} stands for a variable of the environment.
func (s *section) secret(key string) (value, bool) {
	v, ok := s.value(key)
	if !ok {
		return v, false
	}
	v.text = variable.ReplaceAllStringFunc(v.text, func(reference string) string {
		name := variable.FindStringSubmatch(reference)[1]
		if s.env[name] == "" {
			s.add(v, s.option(key), "the environment variable %s is not set", name)
			ok = false
		}
		return s.env[name]
	})
	if !ok { // said above; what it would be is not known
		return value{text: "http://unknown"}, true
	}
	return v, true
}

func (s *section) markets(kind markets.ChainKind, site definition.Site) []Market {
	names, sections := s.children()
	if len(names) == 0 {
		s.add(value{line: s.line}, s.path, "no market to follow: known are %s", strings.Join(s.marketNames(kind), ", "))
	}
	var out []Market
	for i, name := range names {
		if m, ok := sections[i].defined(name, kind, site); ok {
			out = append(out, sections[i].market(m))
		}
	}
	return out
}

// defined is the market of a name as its definition and the section have it for a
// chain.
func (s *section) defined(name string, kind markets.ChainKind, site definition.Site) (markets.Market, bool) {
	d, err := catalogue.Find(s.definitions, name)
	switch {
	case err != nil:
		known := s.marketNames(kind)
		s.add(value{line: s.line}, s.path, "unknown market%s: known are %s; definitions names files with others", spelling.DidYouMean(name, known), strings.Join(known, ", "))
		return markets.Market{}, false
	case kind != "" && d.Kind != kind:
		s.add(value{line: s.line}, s.path, "is a market of %s chains and cannot be on one of kind %s", d.Kind, kind)
		return markets.Market{}, false
	}
	if d.Kind == markets.EVM {
		site.Contracts = s.child("contracts").contracts()
	} else {
		site.Account = s.text("account", "")
	}
	m, err := d.On(site)
	if err != nil && site.ChainID != 0 {
		s.add(value{line: s.line}, s.path, "%v", err)
		return m, false
	}
	if word := s.choice("notifications", "", "false", "true"); word != "" {
		for i := range m.Streams {
			m.Streams[i].Notifies = word == "true"
		}
	}
	return m, err == nil
}

// contracts are a market's addresses by the names that its definition has for them.
func (s *section) contracts() map[string][]string {
	out := map[string][]string{}
	for _, e := range s.entries {
		if _, single := scalar(e.node); single {
			out[e.key] = []string{s.text(e.key, "")}
			continue
		}
		for _, v := range s.list(e.key) {
			out[e.key] = append(out[e.key], v.text)
		}
	}
	s.done()
	return out
}

// readDefinitions are the built-in markets and those in the files that the option
// definitions names.
func (s *section) readDefinitions() []*definition.Definition {
	all := catalogue.All()
	for _, v := range s.list("definitions") {
		for _, file := range s.definitionFiles(v) {
			d, err := catalogue.Read(file)
			if problems, ok := errors.AsType[definition.Problems](err); ok {
				for _, p := range problems {
					s.problems = append(s.problems, Problem{File: p.File, Line: p.Line, Text: p.Text})
				}
				continue
			}
			if err != nil {
				s.add(v, s.option("definitions"), "%v", err)
				continue
			}
			if _, err := catalogue.Find(all, d.Market); err == nil {
				s.add(v, s.option("definitions"), "%s: there is another market %s: give this one another name", file, d.Market)
				continue
			}
			all = append(all, d)
		}
	}
	return all
}

// definitionFiles are the files that a name in definitions stands for: itself, or all
// *.yaml of a folder. Names are beside the configuration.
func (s *section) definitionFiles(v value) []string {
	path := v.text
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(s.file), path)
	}
	info, err := os.Stat(path)
	if err != nil {
		s.add(v, s.option("definitions"), "%v", err)
		return nil
	}
	if !info.IsDir() {
		return []string{path}
	}
	files, err := filepath.Glob(filepath.Join(path, "*.yaml"))
	if err != nil || len(files) == 0 {
		s.add(v, s.option("definitions"), "%s has no *.yaml", v.text)
	}
	return files
}

// marketNames are the markets of one kind of chain, or all.
func (s *section) marketNames(kind markets.ChainKind) []string {
	var names []string
	for _, d := range s.definitions {
		if kind == "" || d.Kind == kind {
			names = append(names, d.Market)
		}
	}
	return names
}

func (s *section) market(m markets.Market) Market {
	out := Market{Market: m, First: s.start(m)}
	out.Streams = s.streams(m)
	s.done()
	return out
}

// streams are those that are chosen, all if none is.
func (s *section) streams(m markets.Market) []markets.Stream {
	var known []string
	for _, stream := range m.Streams {
		known = append(known, stream.Name)
	}
	var chosen []string
	for _, v := range s.list("streams") {
		switch {
		case !slices.Contains(known, v.text):
			s.add(v, s.option("streams"), "unknown stream %q%s: known are %s", v.text, spelling.DidYouMean(v.text, known), strings.Join(known, ", "))
		case slices.Contains(chosen, v.text):
			s.add(v, s.option("streams"), "%s is in the list twice", v.text)
		default:
			chosen = append(chosen, v.text)
		}
	}
	if len(chosen) == 0 {
		return m.Streams
	}
	return slices.DeleteFunc(slices.Clone(m.Streams), func(stream markets.Stream) bool { return !slices.Contains(chosen, stream.Name) })
}

// start is the first seq to read: one for all streams, or one for each, and what the
// definition says of those that are not named.
func (s *section) start(m markets.Market) map[string]int64 {
	first := map[string]int64{}
	unknown := ""
	for _, stream := range m.Streams {
		first[stream.Name] = stream.Start
		if byHandle := stream.Source.Handle != ""; !byHandle && stream.Start == 0 {
			unknown = stream.Name
		}
	}
	v, set := s.has("start")
	e, _ := s.entry("start")
	_, single := scalar(e.node)
	switch {
	case set && (v.env != "" || single):
		n := s.number("start", 0, 0, most)
		for _, stream := range m.Streams {
			first[stream.Name] = n
		}
	case set:
		each := s.child("start")
		for _, stream := range m.Streams {
			first[stream.Name] = each.number(stream.Name, stream.Start, 0, most)
		}
		each.done()
	case unknown != "":
		s.add(v, s.path, "start is missing: the first block (on Aptos ledger version) to read, such as the one that the market was deployed in")
	}
	return first
}
