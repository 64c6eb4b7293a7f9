// Package config reads the configuration: one YAML file, whose options the
// environment can override.
package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// DefaultData is the data folder where none is configured.
const DefaultData = "event-worker-data"

// DefaultMemory is how many bytes the answers of endpoints may take together. It leaves
// most of what docker-compose.yml allows a process to the rest of it.
const DefaultMemory = 96 << 20

// Config is what a process runs.
type Config struct {
	File   string
	Data   string // the data folder
	Node   string // this process's name
	Memory int64  // bytes of all answers of endpoints in flight
	Log    Log
	Chains []Chain
	Tuning actors.Tuning

	Cluster Cluster
	Monitor Monitor

	// Overrides are the environment variables that override the file, and Unused
	// those that look as if they did.
	Overrides, Unused []string
	// Removed are the options of versions before that are set and change nothing, each
	// with its place, and what to do.
	Removed []string
}

// Log says what is logged and how.
type Log struct {
	Level  slog.Level
	Format string // text or json
	Dir    string // where files are kept besides; none if empty
}

// Cluster says how the process takes part in a cluster.
type Cluster struct {
	Roles     []string // kinds and names of the chains that it may follow; all if empty
	Poll, TTL time.Duration
}

// Monitor says where health and metrics are served.
type Monitor struct {
	Listen string // host:port; a default of its own if empty
}

// DefaultMonitor is where health and metrics are served unless something else is
// configured.
const DefaultMonitor = "127.0.0.1:9464"

// Formats are the formats of the log.
var Formats = []string{"text", "json"}

// Market is a market to follow, with the streams that are chosen.
type Market struct {
	markets.Market
	Starts map[string]Start // by stream
}

// Load reads a file under an environment in the form of os.Environ. The error is
// Problems if it lies in the file or the environment.
func Load(file string, environ []string) (Config, error) {
	r, top, err := open(file, environ)
	if err != nil {
		return Config{}, err
	}
	cfg := Config{File: file}
	cfg.Data = top.data()
	cfg.Node = top.node()
	cfg.Memory = top.bytes("memory", DefaultMemory, 8<<20, 1<<40)
	cfg.Log = top.child("log").log()
	r.definitions = top.readDefinitions()
	cfg.Chains = top.child("chains").chains()
	cfg.Tuning = top.child("tuning").tuning()
	cfg.Cluster = top.child("cluster").cluster(cfg.Chains)
	cfg.Monitor = Monitor{Listen: top.child("monitor").monitor()}
	top.done()
	cfg.Removed = r.removedOptions
	for name := range r.env {
		switch overrides, known := r.used[name]; {
		case overrides:
			cfg.Overrides = append(cfg.Overrides, name)
		case !known && strings.HasPrefix(name, envPrefix):
			cfg.Unused = append(cfg.Unused, name)
		}
	}
	slices.Sort(cfg.Overrides)
	slices.Sort(cfg.Unused)
	if len(r.problems) > 0 {
		r.problems.sort()
		return Config{}, r.problems
	}
	return cfg, nil
}

// Data reads nothing but the data folder: whoever looks at the data needs no
// working endpoints.
func Data(file string, environ []string) (string, error) {
	r, top, err := open(file, environ)
	if err != nil {
		return "", err
	}
	data := top.data()
	if len(r.problems) > 0 {
		return "", r.problems
	}
	return data, nil
}

// MonitorListen reads nothing but monitor.listen; empty if it is not set. Where the
// environment sets it the file is not read, and with the name "" there is none.
func MonitorListen(file string, environ []string) (string, error) {
	r := newReader(file, environ)
	top := r.open("", 1, nil)
	if file != "" && r.env[envName("monitor.listen")] == "" {
		var err error
		if r, top, err = open(file, environ); err != nil {
			return "", err
		}
	}
	listen := top.child("monitor").monitor()
	if len(r.problems) > 0 {
		r.problems.sort()
		return "", r.problems
	}
	return listen, nil
}

// Markets reads nothing but the markets, whole, by chain: whoever decodes what was
// read before needs no working endpoints.
func Markets(file string, environ []string) (map[string][]markets.Market, error) {
	r, top, err := open(file, environ)
	if err != nil {
		return nil, err
	}
	r.definitions = top.readDefinitions()
	all := map[string][]markets.Market{}
	names, sections := top.child("chains").children()
	for i, name := range names {
		all[name] = sections[i].wholeMarkets()
	}
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	return all, nil
}

// wholeMarkets are a chain's markets with all of their streams.
func (s *section) wholeMarkets() (all []markets.Market) {
	kind, id := s.kind(), uint64(s.number("chainId", 0, 1, most))
	site := definition.Site{ChainID: id, Coin: s.coin(kind, preset(kind, id).Coin)}
	names, sections := s.child("markets").children()
	for i, name := range names {
		if m, ok := sections[i].defined(name, kind, site); ok {
			all = append(all, m)
		}
	}
	return all
}

// maxFile bounds the file, in bytes.
const maxFile = 1 << 20

func newReader(file string, environ []string) *reader {
	r := &reader{file: file, env: map[string]string{}, used: map[string]bool{}}
	for _, variable := range environ {
		name, text, _ := strings.Cut(variable, "=")
		r.env[name] = text
	}
	return r
}

func open(file string, environ []string) (*reader, *section, error) {
	r := newReader(file, environ)
	content, err := read(file)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, nil, r.syntax(err)
	}
	var body ast.Node
	for _, doc := range parsed.Docs {
		switch {
		case doc.Body == nil:
		case body == nil:
			body = doc.Body
		default:
			r.add(value{line: doc.Body.GetToken().Position.Line}, "", "a second document: put everything into one")
		}
	}
	return r, r.open("", 1, body), nil
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("configuration %s: there is no such file: event-worker config example prints one to begin with", file)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("configuration %s: larger than %d bytes", file, maxFile)
	}
	return content, nil
}

// syntax is the problem that a parser's error is.
func (r *reader) syntax(err error) error {
	at := value{line: 1}
	text := err.Error()
	if at1, ok := errors.AsType[yaml.Error](err); ok {
		text = at1.GetMessage()
		if token := at1.GetToken(); token != nil {
			at.line = token.Position.Line
		}
	}
	r.add(at, "", "no YAML: %s", text)
	return r.problems
}
