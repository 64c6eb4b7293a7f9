// Package config reads the configuration: one YAML file, whose options the environment can
// override.
//
// Guarantees:
//   - The structure is checked against schema.json; what a schema cannot express (URLs,
//     starts, markets and their streams) is checked here. All problems are reported
//     together, with their places.
//   - Secrets, such as keys in endpoints and headers, are in no problem and in no snippet.
//   - APIOf, Data, Definitions, Hooks, Markets and MonitorListen need only the options that
//     they read to be valid.
//
// From the file {chains: {home: {kind: evm, chainId: 137, endpoint: "https://host/${KEY}",
// markets: {seaport: {start: 5}}}}} and the variables KEY=k and
// EVENT_WORKER_CHAINS_HOME_POLL=2s, Load makes a Chain with the endpoint https://host/k,
// Poll 2s, and the presets of network 137: its coin POL and its confirmations.
package config

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/hooks"
	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// Problem is a problem of a configuration. Problems, all problems of one, are its error.
type (
	Problem  = yamlfile.Problem
	Problems = yamlfile.Problems
)

// DefaultData is the data folder where none is configured.
const DefaultData = "event-worker-data"

// DefaultMemory bounds the bytes of all answers of endpoints. It is a small part of the
// memory that docker-compose.yml grants a process.
const DefaultMemory = 96 << 20

// Config is what a process runs.
type Config struct {
	File   string
	Data   string // the data folder
	Node   string // this process's name
	Memory int64  // bytes of all answers of endpoints in flight
	Log    Log
	Chains []Chain
	// LeftOut are the configured chains that are not among Chains.
	LeftOut []LeftOut
	Tuning  actors.Tuning

	Cluster  Cluster
	Monitor  Monitor
	API      API
	Metadata Metadata
	Hooks    []hooks.Hook
	Audit    time.Duration // interval of audits, which compare the log with its chain; 0: never

	// Overrides are the environment variables that override the file. Unused are those with
	// the prefix of overrides that match no option.
	Overrides, Unused []string
	// Outdated are messages about options that were removed or renamed but are set, each
	// with its place and what to do.
	Outdated []string
}

// Log says what is logged and how.
type Log struct {
	Level  slog.Level
	Format string // text or json
	Dir    string // where files are kept besides; none if empty
}

// Cluster says how the process takes part in a cluster.
type Cluster struct {
	Roles []string // kinds and names of the chains that it may follow; all if empty
	Poll  time.Duration
	TTL   time.Duration `yaml:"ttl"`
}

// Monitor says where health and metrics are served.
type Monitor struct {
	Listen string // host:port; if empty, DefaultMonitor or any free port
}

// DefaultMonitor is the default address of health and metrics.
const DefaultMonitor = "127.0.0.1:9464"

// Formats are the formats of the log.
var Formats = []string{"text", "json"}

// Market is a market to follow, with the streams that are chosen.
type Market struct {
	markets.Market
	Starts map[string]Start // by stream
	// NoFacts: contracts are not asked about the market's orders.
	NoFacts bool
}

// Load reads a file under an environment in the form of os.Environ. The error is
// Problems if it lies in the file or the environment.
func Load(file string, environ []string) (Config, error) {
	r, err := open(file, environ)
	if err != nil {
		return Config{}, err
	}
	top := r.Root()
	cfg := Config{
		File: file, Data: r.data(), Node: r.node(), Memory: DefaultMemory, Tuning: actors.DefaultTuning, Overrides: r.Overrides,
		Log: Log{Format: Formats[0]},
	}
	size := bytes(DefaultMemory)
	top.Child("memory").Decode(&size)
	cfg.Memory = int64(size)
	top.Child("log").Decode(&cfg.Log)
	r.readDefinitions()
	cfg.Chains, cfg.LeftOut = r.followed()
	top.Child("tuning").Decode(&cfg.Tuning)
	cfg.Cluster = cluster(top.Child("cluster"), top.Child("chains"))
	top.Child("monitor").Decode(&cfg.Monitor)
	cfg.API = r.api(top.Child("api"))
	cfg.Metadata = r.metadata(top.Child("metadata"))
	cfg.Hooks = r.hooks(top.Child("hooks"))
	cfg.Audit = audit(top.Child("audit"))
	known := slices.Clone(r.Overrides)
	for _, w := range r.Warnings {
		cfg.Outdated = append(cfg.Outdated, w.String())
		known = append(known, w.Env)
	}
	for name := range r.env {
		if strings.HasPrefix(name, envPrefix) && !slices.Contains(known, name) {
			cfg.Unused = append(cfg.Unused, name)
		}
	}
	slices.Sort(cfg.Overrides)
	slices.Sort(cfg.Unused)
	if err := r.Err(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// Data reads only the data folder: the rest of the file need not be valid.
func Data(file string, environ []string) (string, error) {
	r, err := open(file, environ)
	if err != nil {
		return "", err
	}
	return r.data(), r.errIn("data")
}

// MonitorListen reads only monitor.listen; empty if it is not set. The file is not read if
// the environment sets the option, or if file is empty.
func MonitorListen(file string, environ []string) (string, error) {
	r := newReader(file, environ, nil)
	if file != "" && r.env[envName("monitor.listen")] == "" {
		var err error
		if r, err = open(file, environ); err != nil {
			return "", err
		}
	}
	var m Monitor
	r.Root().Child("monitor").Decode(&m)
	return m.Listen, r.errIn("monitor")
}

// Markets reads only the markets, with all of their streams, by chain: the endpoints need
// not be valid.
func Markets(file string, environ []string) (map[string][]markets.Market, error) {
	r, err := open(file, environ)
	if err != nil {
		return nil, err
	}
	r.readDefinitions()
	all := map[string][]markets.Market{}
	for _, n := range r.Root().Child("chains").Children() {
		all[n.Name()] = r.wholeMarkets(n)
	}
	needed := []string{"kind", "chainId", "coin", "markets"}
	return all, r.ErrOf(func(keys []string) bool {
		return keys[0] == "definitions" || keys[0] == "chains" && (len(keys) < 3 || slices.Contains(needed, keys[2]))
	})
}

// Hooks reads only the webhooks.
func Hooks(file string, environ []string) ([]hooks.Hook, error) {
	r, err := open(file, environ)
	if err != nil {
		return nil, err
	}
	return r.hooks(r.Root().Child("hooks")), r.errIn("hooks")
}

// DefaultFile is the default name of the configuration file.
const DefaultFile = "event-worker.yaml"

// Definitions reads only the definitions of markets: the built-in ones, and those that the
// configuration names.
func Definitions(file string, environ []string) ([]*definition.Definition, error) {
	r, err := open(file, environ)
	if err != nil {
		return nil, err
	}
	r.readDefinitions()
	return append(catalogue.All(), r.definitions...), r.errIn("definitions")
}

// wholeMarkets returns a chain's markets with all of their streams.
func (r *reader) wholeMarkets(n *yamlfile.Node) (all []markets.Market) {
	var c Chain
	n.Decode(&c)
	site := definition.Site{ChainID: c.ID, Coin: cmp.Or(c.Coin, preset(c.Kind, c.ID).Coin)}
	for _, n := range n.Child("markets").Children() {
		if m, ok := r.defined(n, c.Kind, site); ok {
			all = append(all, m)
		}
	}
	return all
}
