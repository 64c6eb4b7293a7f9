package config

import (
	"fmt"
	"strings"
	"testing"
)

// An optional chain without its endpoint's variables is left out; one that is not optional is
// an error, and so are optional ones alone.
func TestOptionalChains(t *testing.T) {
	const file = `chains:
  bsc: {kind: evm, chainId: 56, optional: true, endpoints: "${BSC}, https://${HOST}/x", markets: {seaport: {start: 1}}}
  spare: {kind: evm, chainId: 97, optional: true, endpoints: [{url: "https://a/${SPARE}"}], markets: {seaport: {start: 1}}}
  aptos: {kind: aptos, chainId: 1, optional: true, endpoint: "${APTOS}", markets: {tradeport: {}}}
cluster: {roles: [evm, spare]}
`
	for _, test := range []struct {
		name    string
		environ []string
		chains  string
		left    string
	}{
		{"all", []string{"BSC=https://b", "HOST=h", "SPARE=s", "APTOS=https://c"}, "bsc spare aptos", ""},
		{"one variable of two", []string{"BSC=https://b", "SPARE=s"}, "spare", "chain bsc is left out: set HOST to follow it; chain aptos is left out: set APTOS to follow it"},
		{"an override", []string{"APTOS=https://c", "EVENT_WORKER_CHAINS_BSC_ENDPOINTS=https://d"}, "bsc aptos", "chain spare is left out: set SPARE to follow it"},
	} {
		cfg, err := load(t, t.TempDir(), file, test.environ...)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var chains, left []string
		for _, c := range cfg.Chains {
			chains = append(chains, c.Name)
		}
		for _, l := range cfg.LeftOut {
			left = append(left, l.String())
		}
		if strings.Join(chains, " ") != test.chains || strings.Join(left, "; ") != test.left || len(cfg.Unused) > 0 {
			t.Errorf("%s: %v, %q, unused %v", test.name, chains, left, cfg.Unused)
		}
	}
	_, err := load(t, t.TempDir(), file)
	if want := "chains: no chain has an endpoint: set at least one of the environment variables APTOS, BSC, HOST, SPARE"; err == nil || !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("%v, want %s", err, want)
	}
	_, err = load(t, t.TempDir(), strings.ReplaceAll(file, "optional: true", "optional: false"), "BSC=https://b", "HOST=h", "SPARE=s")
	if err == nil || !strings.Contains(err.Error(), "the environment variable APTOS is not set") {
		t.Error(err)
	}
}

func TestMetadata(t *testing.T) {
	chains := chainWith("evm", "    endpoint: http://a\n")
	for text, want := range map[string]Metadata{
		"":                  {},
		"metadata: false\n": {},
		"metadata: true\n":  {Fetch: true},
		"metadata: {}\n":    {Fetch: true},
		"metadata: {gateway: \"https://ipfs.example.com/${KEY}\"}\n": {Fetch: true, Gateway: "https://ipfs.example.com/k3y"},
	} {
		cfg, err := load(t, t.TempDir(), text+chains, "KEY=k3y")
		if err != nil || cfg.Metadata != want {
			t.Errorf("%s: %+v, %v", text, cfg.Metadata, err)
		}
	}
	for file, want := range map[string]bool{"": true, "metadata: false\n": true, "metadata: true\n": false} {
		cfg, err := load(t, t.TempDir(), file+chains, fmt.Sprint("EVENT_WORKER_METADATA=", want))
		if err != nil || cfg.Metadata.Fetch != want {
			t.Errorf("%q, and %v by the environment: %+v, %v", file, want, cfg.Metadata, err)
		}
	}
	cfg, err := load(t, t.TempDir(), chains, "EVENT_WORKER_METADATA_GATEWAY=https://b")
	if err != nil || cfg.Metadata != (Metadata{true, "https://b"}) {
		t.Errorf("by the environment: %+v, %v", cfg.Metadata, err)
	}
	for _, text := range []string{"metadata: yes\n", "metadata: {gateway: ipfs.io}\n", "metadata: {gate: https://b}\n"} {
		if cfg, err := load(t, t.TempDir(), text+chains); err == nil {
			t.Errorf("%s: %+v", text, cfg.Metadata)
		}
	}
}
