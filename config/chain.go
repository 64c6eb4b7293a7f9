package config

import (
	"cmp"
	"net/http"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// Chain is a chain to follow. Numbers that are 0 are left to the chain's package.
type Chain struct {
	Name      string
	Kind      markets.ChainKind
	ID        uint64            `yaml:"chainId"`
	Endpoints []chains.Endpoint `yaml:"-"` // at least one; all but their hosts are secret
	Stream    string            `yaml:"-"` // Aptos only, the URL of a gRPC transaction stream, a secret; none if empty
	// Header is sent with each request to the stream, a secret. The endpoints' own
	// headers have it already.
	Header  http.Header   `yaml:"-"`
	Poll    time.Duration // 5s if nothing is known of the network
	Timeout time.Duration // of one request
	// InFlight is how many requests are under way at once to read history.
	InFlight int

	MaxBatch           int                // EVM only, calls in one request
	Confirmations      int64              // EVM only, blocks
	MaxUnfinal         int64              // EVM only, blocks
	MaxRange           int64              // EVM only, blocks
	Coin               string             // EVM only, the symbol of its own coin; ETH if empty
	FinalityViolations FinalityViolations `yaml:"-"` // EVM only

	// Preset is what is known of the network, none if its name is empty. What the
	// configuration leaves out is taken from there already.
	Preset evm.Preset `yaml:"-"`

	// Optional says that the chain is left out where a variable of its endpoints is not set.
	Optional bool

	// Recorded says that the endpoint serves the recording that the program carries,
	// as event-worker replay does.
	Recorded bool

	Markets []Market `yaml:"-"`
}

// FinalityViolations says when a reorganisation deeper than finality is believed.
type FinalityViolations struct {
	// Wait leaves it to a person: the chain is stalled until its documents were rewound.
	Wait bool
	// Confirm is for how long a violation is confirmed before it is believed.
	Confirm time.Duration
}

func (r *reader) chain(n *yamlfile.Node) Chain {
	c := Chain{Name: n.Name(), Poll: 5 * time.Second, Timeout: 30 * time.Second, InFlight: 8, MaxBatch: 100}
	n.Child("kind").Decode(&c.Kind)
	n.Child("chainId").Decode(&c.ID)
	c.Preset = preset(c.Kind, c.ID)
	c.Poll = cmp.Or(c.Preset.Poll, c.Poll)
	c.Confirmations, c.MaxUnfinal, c.Coin = c.Preset.Confirmations, c.Preset.MaxUnfinal, c.Preset.Coin
	n.Decode(&c)
	c.FinalityViolations = finalityViolations(n)
	c.Header = r.headers(n.Child("headers"))
	c.Endpoints = r.endpoints(n, c.Kind, c.Header)
	c.Stream = r.stream(n)
	c.Markets = r.markets(n, c.Kind, definition.Site{ChainID: c.ID, Coin: c.Coin})
	return c
}

func finalityViolations(n *yamlfile.Node) FinalityViolations {
	f := FinalityViolations{Wait: n.Child("finalityViolations").Text() == "wait", Confirm: 3 * time.Minute}
	if confirm := n.Child("confirmViolations"); confirm != nil {
		confirm.Decode(&f.Confirm)
		if f.Wait {
			confirm.Add("changes nothing where finalityViolations is wait: take one of them out")
		}
	}
	return f
}

// preset is what is known of the network of a chain.
func preset(kind markets.ChainKind, id uint64) evm.Preset {
	if kind != markets.EVM {
		return evm.Preset{}
	}
	p, _ := evm.PresetOf(id)
	return p
}
