package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// startOf is a configuration with a start, on a chain that the market's definition is on.
func startOf(kind, start string) string {
	market := "seaport"
	if kind == "aptos" {
		market = "tradeport"
	}
	if start != "" {
		start = "        start:" + start + "\n"
	}
	return "chains:\n  home:\n    kind: " + kind + "\n    chainId: 1\n    endpoint: http://a\n    markets:\n      " + market + ":\n        streams: [list, buy]\n" + start
}

func TestStarts(t *testing.T) {
	const variable = "EVENT_WORKER_CHAINS_HOME_MARKETS_"
	latest, deployment := Start{Kind: AtLatest}, Start{Kind: AtDeployment}
	version := func(n int64) Start { return Start{Kind: AtVersion, N: n} }
	for name, test := range map[string]struct {
		kind, start, environ string
		list, buy            Start
	}{
		"number":                  {"evm", " 5", "", Start{N: 5}, Start{N: 5}},
		"zero":                    {"evm", " 0", "", Start{}, Start{}},
		"latest":                  {"evm", " latest", "", latest, latest},
		"deployment":              {"evm", " deployment", "", deployment, deployment},
		"by stream":               {"evm", "\n          list: latest\n          buy: 7", "", latest, Start{N: 7}},
		"environment":             {"evm", " 5", variable + "SEAPORT_START=deployment", deployment, deployment},
		"environment of a stream": {"evm", " {list: 5, buy: 6}", variable + "SEAPORT_START_BUY=latest", Start{N: 5}, latest},
		"none on aptos":           {"aptos", "", "", Start{}, Start{}},
		"latest on aptos":         {"aptos", " latest", "", latest, latest},
		"version":                 {"aptos", " {version: 9}", "", version(9), version(9)},
		"version below":           {"aptos", "\n          version: 9", "", version(9), version(9)},
		"version as a text":       {"aptos", ` "version: 9"`, "", version(9), version(9)},
		"version of a stream":     {"aptos", "\n          list: {version: 9}\n          buy: 3", "", version(9), Start{N: 3}},
		"environment's version":   {"aptos", "", variable + "TRADEPORT_START=version:9", version(9), version(9)},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(t, t.TempDir(), startOf(test.kind, test.start), test.environ)
			if err != nil {
				t.Fatal(err)
			}
			m := cfg.Chains[0].Markets[0]
			if m.Starts["list"] != test.list || m.Starts["buy"] != test.buy {
				t.Errorf("list %v, buy %v, want %v and %v", m.Starts["list"], m.Starts["buy"], test.list, test.buy)
			}
			at, fixed := m.Start("list")
			if fixed != (test.list.Kind == AtSeq) || fixed && at.Seq != test.list.N-1 {
				t.Errorf("the place of list is %+v, fixed %v", at, fixed)
			}
		})
	}
}

func TestStartProblems(t *testing.T) {
	for name, test := range map[string]struct{ kind, start, want string }{
		"word":                  {"evm", " soon", `c.yaml:9:16: chains.home.markets.seaport.start: "soon" is not a valid start: give a block's number, latest or deployment`},
		"word on aptos":         {"aptos", " soon", `c.yaml:9:16: chains.home.markets.tradeport.start: "soon" is not a valid start: give a number, {version: N} or latest`},
		"too large":             {"evm", " 9007199254740993", `c.yaml:9:16: chains.home.markets.seaport.start: "9007199254740993" is not a valid start`},
		"version on evm":        {"evm", " {version: 9}", `c.yaml:9:9: chains.home.markets.seaport.start: a ledger version is for chains of kind aptos only`},
		"text version on evm":   {"evm", ` "version: 9"`, `c.yaml:9:16: chains.home.markets.seaport.start: a ledger version is for chains of kind aptos only`},
		"deployment on aptos":   {"aptos", " deployment", `c.yaml:9:16: chains.home.markets.tradeport.start: deployment is for chains of kind evm only`},
		"negative version":      {"aptos", " {version: -9}", `c.yaml:9:26: chains.home.markets.tradeport.start.version: "-9" is not an integer`},
		"version that is none":  {"aptos", ` "version: x"`, `c.yaml:9:16: chains.home.markets.tradeport.start: "version: x" is not a valid start`},
		"version beside others": {"aptos", " {version: 9, list: 3}", `c.yaml:9:17: chains.home.markets.tradeport.start.version: unknown option`},
		"of a stream":           {"evm", "\n          list: 3\n          buy: soon", `c.yaml:11:16: chains.home.markets.seaport.start.buy: "soon" is not a valid start`},
		"list for a stream":     {"evm", "\n          list: [3]", `c.yaml:10:11: chains.home.markets.seaport.start.list: expected a single value`},
	} {
		t.Run(name, func(t *testing.T) { onlyProblem(t, startOf(test.kind, test.start), test.want) })
	}
}

// A market whose events any contract emits has no deployment.
func TestNoDeployment(t *testing.T) {
	dir := t.TempDir()
	definition := strings.Replace(shop, "    event: Sold\n", "    event: Sold\n    contract: any\n", 1)
	writeFile(t, filepath.Join(dir, "shop.yaml"), definition)
	text := "definitions: [" + filepath.Join(dir, "shop.yaml") + "]\nchains:\n  home:\n    kind: evm\n    chainId: 7\n    endpoint: http://a\n    markets:\n      shop: {start: deployment}\n"
	onlyProblem(t, text, `c.yaml:8:21: chains.home.markets.shop.start: deployment needs the market's contracts, and it takes events of any`)
}

func TestContracts(t *testing.T) {
	cfg, err := load(t, t.TempDir(), startOf("evm", " 1"))
	if err != nil {
		t.Fatal(err)
	}
	m := cfg.Chains[0].Markets[0]
	want := map[string]bool{}
	for _, stream := range m.Streams {
		for _, address := range stream.Source.Addresses {
			want[address] = true
		}
	}
	if got := m.Contracts(); len(got) < 2 || !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("%v, want each of %v once", got, want)
	}
}
