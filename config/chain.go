package config

import (
	"cmp"
	"net/http"
	"regexp"
	"time"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// Chain is a chain to follow. Numbers that are 0 are left to the chain's package.
type Chain struct {
	Name      string
	Kind      markets.ChainKind
	ID        uint64
	Endpoints []chains.Endpoint // at least one; all but their hosts are secret
	Stream    string            // Aptos only, the URL of a gRPC transaction stream, a secret; none if empty
	// Header is sent with each request to the stream, a secret. The endpoints' own
	// headers have it already.
	Header  http.Header
	Poll    time.Duration
	Timeout time.Duration // of one request
	// InFlight is how many requests are under way at once to read history.
	InFlight int

	MaxBatch           int                // EVM only, calls in one request
	Confirmations      int64              // EVM only, blocks
	MaxUnfinal         int64              // EVM only, blocks
	MaxRange           int64              // EVM only, blocks
	Coin               string             // EVM only, the symbol of its own coin; ETH if empty
	FinalityViolations FinalityViolations // EVM only

	// Preset is what is known of the network, none if its name is empty. What the
	// configuration leaves out is taken from there already.
	Preset evm.Preset

	// Recorded says that the endpoint serves the recording that the program carries,
	// as event-worker replay does.
	Recorded bool

	Markets []Market
}

// FinalityViolations says when a reorganisation deeper than finality is believed.
type FinalityViolations struct {
	// Wait leaves it to a person: the chain stands until its documents were rewound.
	Wait bool
	// Confirm is for how long a break is confirmed before it is believed.
	Confirm time.Duration
}

// The words of the option finalityBreaks.
const (
	confirmBreaks = "confirm"
	waitAtBreaks  = "wait"
)

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
	c := Chain{Name: name, Kind: s.kind(), ID: uint64(s.number("chainId", 0, 1, most))}
	if c.ID == 0 {
		s.missing("chainId", "the number that the chain calls itself by, such as 1 for Ethereum and for Aptos")
	}
	c.Preset = preset(c.Kind, c.ID)
	c.Header = s.child("headers").headers()
	c.Endpoints = s.endpoints(c.Kind, c.Header)
	c.Stream = s.stream(c.Kind)
	c.Poll = s.duration("poll", cmp.Or(c.Preset.Poll, 5*time.Second))
	c.Timeout = s.duration("timeout", 30*time.Second)
	c.InFlight = int(s.number("inFlight", 8, 1, 64))
	s.onlyEVM(&c)
	c.Recorded = s.choice("recorded", "false", "false", "true") == "true"
	c.Markets = s.child("markets").markets(c.Kind, definition.Site{ChainID: c.ID, Coin: c.Coin})
	s.done()
	return c
}

// onlyEVM reads what only EVM chains have.
func (s *section) onlyEVM(c *Chain) {
	c.MaxBatch = int(s.number("maxBatch", 100, 1, 1000))
	c.Confirmations = s.number("confirmations", c.Preset.Confirmations, 1, 10_000)
	c.MaxUnfinal = s.number("maxUnfinal", c.Preset.MaxUnfinal, 1, 100_000)
	c.MaxRange = s.number("maxRange", 0, 1, 10_000_000)
	c.Coin = s.coin(c.Kind, c.Preset.Coin)
	c.FinalityViolations.Wait = s.choice("finalityBreaks", confirmBreaks, confirmBreaks, waitAtBreaks) == waitAtBreaks
	c.FinalityViolations.Confirm = s.duration("confirmBreaks", 3*time.Minute)
	for _, key := range []string{"maxBatch", "confirmations", "maxUnfinal", "maxRange", "finalityBreaks", "confirmBreaks"} {
		s.refuse(key, c.Kind, markets.Aptos)
	}
	if v, set := s.has("confirmBreaks"); set && c.FinalityViolations.Wait && c.Kind == markets.EVM {
		s.add(v, s.option("confirmBreaks"), "changes nothing where finalityBreaks is wait: take one of them out")
	}
}

// preset is what is known of the network of a chain.
func preset(kind markets.ChainKind, id uint64) evm.Preset {
	if kind != markets.EVM {
		return evm.Preset{}
	}
	p, _ := evm.PresetOf(id)
	return p
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

// refuse refuses an option on chains of a kind.
func (s *section) refuse(key string, kind, on markets.ChainKind) {
	v, set := s.has(key)
	if !set || kind != on {
		return
	}
	other := markets.EVM
	if on == markets.EVM {
		other = markets.Aptos
	}
	s.add(v, s.option(key), "is for chains of kind %s only: take it out", other)
}

// coinPattern keeps a coin's symbol to what wallets show.
var coinPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,15}$`)

// coin is the symbol of an EVM chain's own coin, otherwise if none is set.
func (s *section) coin(kind markets.ChainKind, otherwise string) string {
	v, set := s.value("coin")
	if !set {
		return otherwise
	}
	if !coinPattern.MatchString(v.text) {
		s.add(v, s.option("coin"), "%q is no symbol of a coin: write it like BNB", v.text)
	}
	s.refuse("coin", kind, markets.Aptos)
	return v.text
}
