package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
)

// load loads a configuration from text.
func load(t interface {
	Helper()
	Fatal(...any)
}, dir, text string, environ ...string) (Config, error) {
	t.Helper()
	file := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(file, environ)
}

const good = `data: /srv/data
node: worker-1
log: {level: warn, format: json}
chains:
  ethereum:
    kind: evm
    chainId: 1
    endpoint: https://eth.example.com/v2/${KEY}
    headers:
      authorization: Bearer ${KEY}
    poll: 2s
    timeout: 10s
    confirmations: 12
    maxUnfinal: 200
    maxRange: 500
    coin: BNB
    markets:
      seaport:
        start: 17000000
        streams: [buy, list]
  aptos:
    kind: aptos
    chainId: 1
    endpoint: http://127.0.0.1:8080/v1
    markets:
      tradeport:
        start: {list: 100, buy: 7}
tuning:
  credit: 3
  idle: 10s
`

func TestEveryOptionIsRead(t *testing.T) {
	cfg, err := load(t, t.TempDir(), good, "KEY=s3cret")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Data != "/srv/data" || cfg.Node != "worker-1" || cfg.Log.Level.String() != "WARN" || cfg.Log.Format != "json" {
		t.Errorf("top: %+v", cfg)
	}
	if cfg.Tuning.Credit != 3 || cfg.Tuning.Idle != 10*time.Second || cfg.Tuning.Events != actors.DefaultTuning.Events {
		t.Errorf("tuning: %+v", cfg.Tuning)
	}
	eth := cfg.Chains[0]
	if eth.Name != "ethereum" || eth.Kind != markets.EVM || eth.ID != 1 || eth.Poll != 2*time.Second ||
		eth.Timeout != 10*time.Second || eth.Confirmations != 12 || eth.MaxUnfinal != 200 || eth.MaxRange != 500 || eth.Coin != "BNB" {
		t.Errorf("ethereum: %+v", eth)
	}
	if e := eth.Endpoints[0]; len(eth.Endpoints) != 1 || e.URL != "https://eth.example.com/v2/s3cret" || e.Header.Get("Authorization") != "Bearer s3cret" {
		t.Errorf("variables are not expanded: %+v", eth.Endpoints)
	}
	if got := eth.Host(); got != "https://eth.example.com" {
		t.Errorf("host %q", got)
	}
	seaport := eth.Markets[0]
	if names := streamNames(seaport.Market); !slices.Equal(names, []string{"list", "buy"}) {
		t.Errorf("chosen streams: %v", names)
	}
	if got, fixed := seaport.Start("buy"); got != (markets.Place{Seq: 16_999_999}) || !fixed {
		t.Errorf("start of buy: %+v, fixed %v", got, fixed)
	}
	tradeport := cfg.Chains[1].Markets[0]
	for stream, want := range map[string]int64{"list": 99, "buy": 6, "delist": -1} {
		if got, fixed := tradeport.Start(stream); got.Seq != want || !fixed {
			t.Errorf("start of %s: %d, want %d", stream, got.Seq, want)
		}
	}
	if len(tradeport.Streams) != 9 {
		t.Errorf("%d streams of tradeport, want all", len(tradeport.Streams))
	}
}

func streamNames(m markets.Market) (names []string) {
	for _, s := range m.Streams {
		names = append(names, s.Name)
	}
	return names
}

func TestEnvironmentOverrides(t *testing.T) {
	cfg, err := load(t, t.TempDir(), good, "KEY=s3cret",
		"EVENT_WORKER_DATA=/other",
		"EVENT_WORKER_LOG_LEVEL=debug",
		"EVENT_WORKER_CHAINS_ETHEREUM_CHAIN_ID=5",
		"EVENT_WORKER_CHAINS_ETHEREUM_ENDPOINT=https://other.example.com/${KEY}",
		"EVENT_WORKER_CHAINS_ETHEREUM_MARKETS_SEAPORT_STREAMS=delist, buy",
		"EVENT_WORKER_CHAINS_APTOS_MARKETS_TRADEPORT_START=50",
		"EVENT_WORKER_TUNING_PORTION=9",
		"EVENT_WORKER_TUNNING_CREDIT=9",
		"EVENT_WORKER_NODE=",
	)
	if err != nil {
		t.Fatal(err)
	}
	eth, aptos := cfg.Chains[0], cfg.Chains[1]
	if cfg.Data != "/other" || cfg.Log.Level.String() != "DEBUG" || eth.ID != 5 || cfg.Tuning.Portion != 9 || cfg.Node != "worker-1" ||
		len(eth.Endpoints) != 1 || eth.Endpoints[0].URL != "https://other.example.com/s3cret" ||
		!slices.Equal(streamNames(eth.Markets[0].Market), []string{"buy", "delist"}) ||
		aptos.Markets[0].Starts["delist"] != (Start{N: 50}) {
		t.Errorf("%+v", cfg)
	}
	if want := []string{"EVENT_WORKER_NODE", "EVENT_WORKER_TUNNING_CREDIT"}; !slices.Equal(cfg.Unused, want) {
		t.Errorf("unused %v, want %v", cfg.Unused, want)
	}
	if len(cfg.Overrides) != 7 {
		t.Errorf("overrides %v", cfg.Overrides)
	}
}

// known are the names of the built-in markets of a kind.
func known(kind markets.ChainKind) string {
	var names []string
	for _, d := range catalogue.All() {
		if d.Kind == kind {
			names = append(names, d.Market)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// TestProblems changes one thing of a good configuration and expects one problem,
// in that line.
func TestProblems(t *testing.T) {
	for _, test := range []struct {
		name, old, new string
		want           string
	}{
		{"unknown option", "node:", "nodes:", `c.yaml:2:1: nodes: unknown option (did you mean node?)`},
		{"unknown option deep inside", "poll: 2s", "pol: 2s", `c.yaml:11:5: chains.ethereum.pol: unknown option (did you mean poll?)`},
		{"the demo's name", "worker-1", "demo", `c.yaml:2:7: node: "demo" is the demo's own name`},
		{"unknown level", "level: warn", "level: loud", `c.yaml:3:14: log.level: unknown value "loud": choose debug, info, warn or error`},
		{"unknown kind", "kind: evm", "kind: emv", `c.yaml:6:11: chains.ethereum.kind: unknown value "emv" (did you mean evm?)`},
		{"missing kind", "kind: aptos", "poll: 1s", `c.yaml:21:3: chains.aptos: kind is missing`},
		{"missing chain id", "chainId: 1\n    endpoint: http:", "endpoint: http:", `c.yaml:21:3: chains.aptos: chainId is missing`},
		{"chain id that is not a number", "chainId: 1\n    endpoint: https", "chainId: one\n    endpoint: https", `c.yaml:7:14: chains.ethereum.chainId: "one" is not an integer`},
		{"missing endpoint", "endpoint: http://127.0.0.1:8080/v1", "", `c.yaml:21:3: chains.aptos: endpoint is missing`},
		{"endpoint of another scheme", "http://127.0.0.1:8080/v1", "ws://h/s3cret", `c.yaml:24:15: chains.aptos.endpoint: is not a URL that begins with http:// or https:// and a host`},
		{"endpoint without a host", "http://127.0.0.1:8080/v1", "s3cret", `c.yaml:24:15: chains.aptos.endpoint: is not a URL that begins with http:// or https:// and a host`},
		{"variable that is not set", "v2/${KEY}", "${NOPE}", `c.yaml:8:15: chains.ethereum.endpoint: the environment variable NOPE is not set`},
		{"bad header", "authorization:", "a b:", `c.yaml:10:12: chains.ethereum.headers.a b: is not an HTTP header`},
		{"duration without unit", "poll: 2s", "poll: 2", `c.yaml:11:11: chains.ethereum.poll: "2" is not a duration`},
		{"negative duration", "timeout: 10s", "timeout: -10s", `c.yaml:12:14: chains.ethereum.timeout: "-10s" is not a duration`},
		{"negative number", "confirmations: 12", "confirmations: -12", `c.yaml:13:20: chains.ethereum.confirmations: "-12" is not an integer from 1`},
		{"number that is too large", "credit: 3", "credit: 99999999999999999999", `c.yaml:29:11: tuning.credit: "99999999999999999999" is not an integer`},
		{"no symbol", "coin: BNB", "coin: B N B", `c.yaml:16:11: chains.ethereum.coin: "B N B" is not the symbol of a coin`},
		{"coin on aptos", "kind: aptos", "kind: aptos\n    coin: APT", `c.yaml:23:11: chains.aptos.coin: is for chains of kind evm only`},
		{"no blocks to follow", "maxUnfinal: 200", "maxUnfinal: 0", `c.yaml:14:17: chains.ethereum.maxUnfinal: "0" is not an integer from 1`},
		{"evm's option on aptos", "kind: aptos", "kind: aptos\n    confirmations: 3", `c.yaml:23:20: chains.aptos.confirmations: is for chains of kind evm only`},
		{"unknown market", "seaport:", "seeport:", `c.yaml:18:7: chains.ethereum.markets.seeport: unknown market (did you mean seaport?): known are ` + known(markets.EVM) + `; definitions names files with others`},
		{"market on another kind of chain", "tradeport:", "seaport:", `c.yaml:26:7: chains.aptos.markets.seaport: is a market of evm chains and cannot be on one of kind aptos`},
		{"collections of a market that has all orders", "seaport:", "seaport:\n        collections: [\"0x8a90cab2b38dba80c64b7734e58ee1db38b8992e\"]", `c.yaml:19:9: chains.ethereum.markets.seaport.collections: all orders of its contracts are seaport's: only a market with own: true can name collections`},
		{"no market", "markets:\n      tradeport:\n        start: {list: 100, buy: 7}", "markets: {}", `c.yaml:25:5: chains.aptos.markets: no market to follow: known are ` + known(markets.Aptos)},
		{"missing start", "start: 17000000", "", `c.yaml:18:7: chains.ethereum.markets.seaport: start is missing`},
		{"negative start", "start: 17000000", "start: -1", `c.yaml:19:16: chains.ethereum.markets.seaport.start: "-1" is not a valid start: give a block's number, latest or deployment`},
		{"start of an unknown stream", "{list: 100,", "{lisst: 100,", `c.yaml:27:17: chains.aptos.markets.tradeport.start.lisst: unknown option (did you mean list?)`},
		{"unknown stream", "[buy, list]", "[buy, lst]", `c.yaml:20:24: chains.ethereum.markets.seaport.streams.2: unknown stream "lst" (did you mean list?)`},
		{"stream twice", "[buy, list]", "[buy, buy]", `c.yaml:20:24: chains.ethereum.markets.seaport.streams.2: buy is in the list twice`},
		{"no list", "[buy, list]", "buy", `c.yaml:20:18: chains.ethereum.markets.seaport.streams: expected a list`},
		{"chain twice", "  aptos:\n", "  ethereum:\n    kind: evm\n  aptos:\n", `c.yaml:21:3: chains.ethereum: is already set in line 5`},
		{"bad name", "  aptos:\n", "  Aptos/1:\n", `c.yaml:21:3: chains.Aptos/1: names consist of`},
		{"a value where options are expected", "log: {level: warn, format: json}", "log: warn", `c.yaml:3:6: log: has a single value where options are expected`},
		{"options where a value is expected", "poll: 2s", "poll: {a: 1}", `c.yaml:11:5: chains.ethereum.poll: expected a single value`},
		{"no YAML", "chains:\n", "chains: [\n", `c.yaml:`},
		{"two documents", "tuning:", "---\ntuning:", `c.yaml:`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(good, test.old, test.new, 1)
			if text == good {
				t.Fatalf("%q is not in the file", test.old)
			}
			_, err := load(t, t.TempDir(), text, "KEY=s3cret")
			problems, ok := errors.AsType[Problems](err)
			if !ok {
				t.Fatalf("error %v, want Problems", err)
			}
			if len(problems) != 1 || !strings.Contains(problems[0].String(), test.want) {
				t.Errorf("got\n%s\nwant only\n%s", problems.Lines(), test.want)
			}
			if strings.Contains(problems.Lines(), "s3cret") {
				t.Errorf("a secret is shown: %s", problems.Lines())
			}
		})
	}
}

// Options that earlier versions had are not problems. Each is reported once.
func TestOutdatedOptions(t *testing.T) {
	const chain = "chains:\n  home: {kind: evm, chainId: 7, endpoint: \"http://a\", markets: {seaport: {start: 1}}}\n"
	environ := []string{"EVENT_WORKER_CLUSTER_ADVERTISE=host:8090", "EVENT_WORKER_CLUSTER_TTL=6s", "EVENT_WORKER_CLUSTER_PORT=1"}
	cfg, err := load(t, t.TempDir(), chain+"cluster:\n  listen: [not, an, address]\n  poll: 1s\n", environ...)
	if err != nil {
		t.Fatal(err)
	}
	for i, word := range cfg.Outdated {
		cfg.Outdated[i] = word[strings.LastIndex(word, "/")+1:]
	}
	got := fmt.Sprint(strings.Join(cfg.Outdated, "\n"), cfg.Overrides, cfg.Unused, cfg.Cluster)
	want := "c.yaml:4:3: cluster.listen: nodes no longer need a port between them: remove it\n" +
		"environment variable EVENT_WORKER_CLUSTER_ADVERTISE: cluster.advertise: nodes no longer need a port between them: remove it" +
		"[EVENT_WORKER_CLUSTER_TTL] [EVENT_WORKER_CLUSTER_PORT] {[] 1s 6s}"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if _, err := load(t, t.TempDir(), chain+"cluster: {lisen: x}\n"); err == nil || !strings.Contains(err.Error(), "known here are poll, roles, ttl") {
		t.Errorf("a misspelt option: %v", err)
	}
}

// Options that earlier versions had under another name are read, and reported.
func TestRenamedOptions(t *testing.T) {
	const chain = "chains:\n  home: {kind: evm, chainId: 7, endpoint: \"http://a\", markets: {seaport: {start: 1}}, "
	for name, want := range map[string]FinalityViolations{"confirmBreaks: 7s": {Confirm: 7 * time.Second}, "finalityBreaks: wait": {Wait: true, Confirm: 3 * time.Minute}} {
		cfg, err := load(t, t.TempDir(), chain+name+"}\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Chains[0].FinalityViolations; got != want || len(cfg.Outdated) != 1 || !strings.Contains(cfg.Outdated[0], "Violations") {
			t.Errorf("%s is read as %+v, %q", name, got, cfg.Outdated)
		}
	}
	if _, err := load(t, t.TempDir(), chain+"confirmBreaks: 7s, confirmViolations: 8s}\n"); err == nil {
		t.Error("both names are accepted")
	}
}

func TestProblemInTheEnvironment(t *testing.T) {
	_, err := load(t, t.TempDir(), good, "KEY=k", "EVENT_WORKER_CHAINS_ETHEREUM_POLL=often")
	if want := `environment variable EVENT_WORKER_CHAINS_ETHEREUM_POLL: chains.ethereum.poll: "often" is not a duration`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s…", err, want)
	}
}

// TestAllProblemsAreReported expects every problem at once, by line.
func TestAllProblemsAreReported(t *testing.T) {
	text := strings.NewReplacer("kind: evm", "kind: emv", "poll: 2s", "poll: 2", "credit: 3", "credit: 0", "log:", "lock:").Replace(good)
	_, err := load(t, t.TempDir(), text, "KEY=k")
	problems, _ := errors.AsType[Problems](err)
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	if want := []int{3, 6, 11, 29}; !slices.Equal(lines, want) {
		t.Errorf("problems in lines %v, want %v:\n%s", lines, want, problems.Lines())
	}
	if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, "and 3 more") {
		t.Errorf("the error is not one line that says how many more there are: %q", text)
	}
}

func TestDataAloneNeedsNoWorkingEndpoint(t *testing.T) {
	dir := t.TempDir()
	if _, err := load(t, dir, good); err == nil {
		t.Fatal("a variable is missing, but there is no error")
	}
	data, err := Data(filepath.Join(dir, "c.yaml"), nil)
	if err != nil || data != "/srv/data" {
		t.Errorf("data %q, %v", data, err)
	}
}

// What is read alone is not held up by problems of the rest.
func TestPartsAreReadAlone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yaml")
	writeFile(t, file, strings.NewReplacer("poll: 2s", "poll: 2", "credit: 3", "credit: 0", "log:", "lock:").Replace(good)+"monitor: {listen: :1}\n")
	if data, err := Data(file, nil); err != nil || data != "/srv/data" {
		t.Errorf("data %q, %v", data, err)
	}
	if listen, err := MonitorListen(file, nil); err != nil || listen != ":1" {
		t.Errorf("monitor %q, %v", listen, err)
	}
	if all, err := Markets(file, nil); err != nil || len(all) != 2 {
		t.Errorf("markets %v, %v", all, err)
	}
	writeFile(t, file, strings.NewReplacer("data: /srv/data", "data: [a]", "chainId: 1\n    endpoint: https", "chainId: x\n    endpoint: https").Replace(good)+"monitor: {listen: x}\n")
	_, data := Data(file, nil)
	_, monitor := MonitorListen(file, nil)
	_, markets := Markets(file, nil)
	for _, c := range []struct {
		err  error
		want string
	}{{data, "data: expected a single value"}, {monitor, "monitor.listen: \"x\" is not an address"}, {markets, "chains.ethereum.chainId: \"x\" is not an integer"}} {
		if ps, _ := errors.AsType[Problems](c.err); len(ps) != 1 || !strings.HasPrefix(ps[0].Text, c.want) {
			t.Errorf("%v, want %s", c.err, c.want)
		}
	}
}

// The orders of IMart are those of its collections, which the configuration names.
func TestCollections(t *testing.T) {
	const text = "chains: {bsc: {kind: evm, chainId: 56, endpoint: https://example.com, markets: {imart: {start: 1, collections: [\"0x8a90cab2b38dba80c64b7734e58ee1db38b8992e\"]}}}}"
	cfg, err := load(t, t.TempDir(), text)
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, s := range cfg.Chains[0].Markets[0].Streams {
		if s.Own != nil {
			own = append(own, s.Name)
			if !slices.Equal(s.Own.Collections, []string{"0x8a90CAb2b38dba80c64b7734e58Ee1dB38B8992e"}) {
				t.Errorf("%s: %v", s.Name, s.Own.Collections)
			}
		}
	}
	if !slices.Equal(own, []string{"list", "buy", "delist", "bulk-cancel"}) {
		t.Errorf("streams %v", own)
	}
	if _, err := load(t, t.TempDir(), strings.Replace(text, "0x8a90c", "0x8a9", 1)); err == nil || !strings.Contains(err.Error(), "40 hex digits") {
		t.Errorf("error %v", err)
	}
}

func TestEmptyFile(t *testing.T) {
	_, err := load(t, t.TempDir(), "")
	if err == nil || !strings.Contains(err.Error(), "no chain to follow") {
		t.Errorf("error %v", err)
	}
}

// TestExample loads the example and looks for every option in it.
func TestExample(t *testing.T) {
	example, err := os.ReadFile("../event-worker.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, t.TempDir(), string(example)); err != nil {
		t.Fatalf("the example is not fine: %v", err)
	}
	for _, option := range options(t) {
		if !strings.Contains(string(example), option+":") {
			t.Errorf("the example does not explain %s", option)
		}
	}
}

// TestExampleShowsDefaults loads the example with its tuning taken out of the
// comments: what it shows is what an absent option is.
func TestExampleShowsDefaults(t *testing.T) {
	example, err := os.ReadFile("../event-worker.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before, tuning, _ := strings.Cut(string(example), "\ntuning:\n")
	commented := regexp.MustCompile(`(?m)^  # ([a-z]+: \w+)$`)
	if n := len(commented.FindAllString(tuning, -1)); n != reflect.TypeFor[actors.Tuning]().NumField() {
		t.Errorf("%d options of tuning are shown", n)
	}
	cfg, err := load(t, t.TempDir(), before+"\ntuning:\n"+commented.ReplaceAllString(tuning, "  $1"))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Tuning != actors.DefaultTuning {
		t.Errorf("the example shows %+v, the defaults are %+v", cfg.Tuning, actors.DefaultTuning)
	}
}

// Markets needs no working endpoint, and no variable that is for one.
func TestMarkets(t *testing.T) {
	dir := t.TempDir()
	if _, err := load(t, dir, good); err == nil {
		t.Fatal("a variable is missing, but there is no error")
	}
	file := filepath.Join(dir, "c.yaml")
	got, err := Markets(file, nil)
	if err != nil || len(got["ethereum"]) != 1 || len(got["ethereum"][0].Streams) != 4 || len(got["aptos"]) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Markets(file, []string{"EVENT_WORKER_CHAINS_ETHEREUM_COIN=a b"}); err == nil {
		t.Error("no error of a bad coin")
	}
}

const shop = `market: shop
kind: evm
chains:
  home: {chainId: 7, start: 5, contracts: {shop: "0x00000000000000000000000000000000000000aa"}}
abi:
  - event Sold(uint256 indexed id, address seller, address buyer, uint256 price)
streams:
  buy:
    event: Sold
    becomes: {kind: bought, order: id, maker: seller, taker: buyer, price: price, currency: coin}
`

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A market of one's own is named by its file or its folder, and its definition has the
// start; contracts of the configuration stand instead of those of the definition.
func TestDefinitions(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "markets", "shop.yaml"), shop)
	chain := func(id int, more string) string {
		return fmt.Sprintf("definitions: [markets]\nchains:\n  home:\n    kind: evm\n    chainId: %d\n    endpoint: http://127.0.0.1:1\n    markets:\n      shop:\n%s", id, more)
	}
	cfg, err := load(t, dir, chain(7, ""))
	if err != nil {
		t.Fatal(err)
	}
	m := cfg.Chains[0].Markets[0]
	if m.Starts["buy"].N != 5 || m.Streams[0].Source.Addresses[0] != "0x00000000000000000000000000000000000000AA" || m.Streams[0].Notifies {
		t.Errorf("%+v", m)
	}
	cfg, err = load(t, dir, chain(8, "        start: 1\n        notifications: true\n        contracts: {shop: [\"0x00000000000000000000000000000000000000bb\"]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m = cfg.Chains[0].Markets[0]; m.Streams[0].Source.Addresses[0] != "0x00000000000000000000000000000000000000bb" && m.Streams[0].Source.Addresses[0] != "0x00000000000000000000000000000000000000bB" || !m.Streams[0].Notifies {
		t.Errorf("%+v", m)
	}
	if _, err = load(t, dir, chain(8, "")); err == nil || !strings.Contains(err.Error(), "home (7)") {
		t.Errorf("on a chain that it is not on: %v", err)
	}
	writeFile(t, filepath.Join(dir, "markets", "bad.yaml"), strings.Replace(strings.Replace(shop, "shop", "bad", 1), "order: id", "order: nr", 1))
	if _, err = load(t, dir, chain(7, "")); err == nil || !strings.Contains(err.Error(), "bad.yaml:10") {
		t.Errorf("a bad definition: %v", err)
	}
}

// options are the names of all options, as an unknown one in each section tells.
func options(t *testing.T) []string {
	text := `zzzzzzzzzzzzzzzzzzzz: 1
log: {zzzzzzzzzzzzzzzzzzzz: 1}
chains: {a: {zzzzzzzzzzzzzzzzzzzz: 1, markets: {seaport: {zzzzzzzzzzzzzzzzzzzz: 1}}}}
tuning: {zzzzzzzzzzzzzzzzzzzz: 1}
`
	_, err := load(t, t.TempDir(), text)
	problems, _ := errors.AsType[Problems](err)
	names := map[string]bool{}
	for _, p := range problems {
		if _, known, ok := strings.Cut(p.Text, "known here are "); ok {
			for name := range strings.SplitSeq(known, ", ") {
				names[name] = true
			}
		}
	}
	if len(names) < 20 {
		t.Fatalf("only %d options found", len(names))
	}
	return slices.Sorted(maps.Keys(names))
}

// TestDamagedFiles loads the configuration with random damage: it is an error or
// not, and never a panic or an error without a place.
func TestDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(good)
		for range rapid.IntRange(1, 4).Draw(t, "damages") {
			from := rapid.IntRange(0, len(text)-1).Draw(t, "from")
			to := min(len(text), from+rapid.IntRange(0, 12).Draw(t, "length"))
			with := rapid.SampledFrom([]string{"", " ", "\n", "\t", ":", "- ", "[", "{", "}", "&a ", "*a", "!!x ", "|\n", "\"", "'", "null", "0x", "#", "---\n", "<<: "}).Draw(t, "with")
			text = slices.Concat(text[:from], []byte(with), text[to:])
			if len(text) == 0 {
				return
			}
		}
		_, err := load(t, dir, string(text), "KEY=s3cret")
		if problems, ok := errors.AsType[Problems](err); err != nil && (!ok || len(problems) == 0 || problems[0].Line < 1) {
			t.Errorf("error without a place: %v", err)
		}
	})
}
