package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	out := Market{Market: m, Starts: s.starts(m)}
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
