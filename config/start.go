package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/imart/event-worker/markets"
)

// StartKind says what a stream's start is.
type StartKind string

// The kinds of starts.
const (
	// AtSeq is a block on EVM chains, on Aptos an event's number in its handle or, of
	// events without handles, a ledger version.
	AtSeq StartKind = ""
	// AtVersion is a ledger version, of a stream with a handle.
	AtVersion StartKind = "version"
	// AtLatest is where the chain is when the stream is followed for the first time.
	AtLatest StartKind = "latest"
	// AtDeployment is the first block in which one of the market's contracts exists.
	AtDeployment StartKind = "deployment"
)

// Start is where a stream begins when it is followed for the first time.
type Start struct {
	Kind StartKind
	N    int64 // of AtSeq and AtVersion: the first to read
}

func (s Start) String() string {
	switch s.Kind {
	case AtSeq:
		return strconv.FormatInt(s.N, 10)
	case AtVersion:
		return fmt.Sprintf("version %d", s.N)
	}
	return string(s.Kind)
}

// Start is where a stream begins. The place is the one before the first that is read;
// it is not fixed where the chain must be asked for it.
func (m Market) Start(stream string) (at markets.Place, fixed bool) {
	start := m.Starts[stream]
	return markets.Place{Seq: start.N - 1}, start.Kind == AtSeq
}

// Contracts are those whose events the chosen streams are.
func (m Market) Contracts() []string { return contractsOf(m.Market) }

func contractsOf(m markets.Market) []string {
	var all []string
	for _, stream := range m.Streams {
		all = append(all, stream.Source.Addresses...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// starts are the streams' starts: one for all of them, or one for each, and what the
// definition says of those that are not named.
func (s *section) starts(m markets.Market) map[string]Start {
	v, set := s.has("start")
	e, _ := s.entry("start")
	text, single := scalar(e.node)
	if v.env != "" {
		text, single = v.text, true
	}
	v.text = text
	switch {
	case set && single:
		return s.startOfAll(m, func(stream markets.Stream) Start { return s.parseStart(v, s.option("start"), m, stream) })
	case set && isVersion(e.node) && !hasStream(m, string(AtVersion)):
		n := s.child("start").number(string(AtVersion), 0, 0, most)
		return s.startOfAll(m, func(stream markets.Stream) Start { return s.atVersion(v, s.option("start"), m, stream, n) })
	case set:
		section := s.child("start")
		starts := each(m, func(stream markets.Stream) Start { return section.startOf(m, stream) })
		section.done()
		return starts
	}
	for _, stream := range m.Streams {
		if stream.Source.Handle == "" && stream.Start == 0 {
			s.add(v, s.path, "start is missing: the first block (on Aptos ledger version) to read, such as the one that the market was deployed in, or latest or, on EVM, deployment")
			break
		}
	}
	return each(m, func(stream markets.Stream) Start { return Start{N: stream.Start} })
}

func each(m markets.Market, start func(markets.Stream) Start) map[string]Start {
	starts := map[string]Start{}
	for _, stream := range m.Streams {
		starts[stream.Name] = start(stream)
	}
	return starts
}

func hasStream(m markets.Market, name string) bool {
	return slices.ContainsFunc(m.Streams, func(stream markets.Stream) bool { return stream.Name == name })
}

// isVersion says whether a node is {version: …}.
func isVersion(node ast.Node) bool {
	var pairs []*ast.MappingValueNode
	switch node := node.(type) {
	case *ast.MappingNode:
		pairs = node.Values
	case *ast.MappingValueNode:
		pairs = append(pairs, node)
	}
	return len(pairs) == 1 && pairs[0].Key.GetToken().Value == string(AtVersion)
}

// startOfAll is one start for all streams, reported once if it is not valid.
func (s *section) startOfAll(m markets.Market, start func(markets.Stream) Start) map[string]Start {
	problems := len(s.problems)
	return each(m, func(stream markets.Stream) Start {
		if len(s.problems) > problems {
			return Start{}
		}
		return start(stream)
	})
}

// startOf is the start of one stream, in a section with one for each.
func (s *section) startOf(m markets.Market, stream markets.Stream) Start {
	v, set := s.has(stream.Name)
	if !set {
		return Start{N: stream.Start}
	}
	e, _ := s.entry(stream.Name)
	if v.env == "" && isVersion(e.node) {
		n := s.child(stream.Name).number(string(AtVersion), 0, 0, most)
		return s.atVersion(v, s.option(stream.Name), m, stream, n)
	}
	if v, set = s.value(stream.Name); !set {
		return Start{}
	}
	return s.parseStart(v, s.option(stream.Name), m, stream)
}

// parseStart is a start as a text: a number, latest, deployment, or version: and a
// number.
func (s *section) parseStart(v value, option string, m markets.Market, stream markets.Stream) Start {
	word, rest, isPair := strings.Cut(v.text, ":")
	text := v.text
	if isPair = isPair && strings.TrimSpace(word) == string(AtVersion); isPair {
		text = strings.TrimSpace(rest)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err == nil && n >= 0 && n <= most && isPair:
		return s.atVersion(v, option, m, stream, n)
	case err == nil && n >= 0 && n <= most:
		return Start{N: n}
	case v.text == string(AtLatest):
		return Start{Kind: AtLatest}
	case v.text == string(AtDeployment):
		return s.atDeployment(v, option, m)
	}
	forms := "a block's number, latest or deployment"
	if m.Kind == markets.Aptos {
		forms = "a number, {version: N} or latest"
	}
	s.add(v, option, "%q is not a valid start: give %s", v.text, forms)
	return Start{}
}

func (s *section) atVersion(v value, option string, m markets.Market, stream markets.Stream, n int64) Start {
	switch {
	case m.Kind != markets.Aptos:
		s.add(v, option, "a ledger version is for chains of kind aptos only: give a block's number, latest or deployment")
		return Start{}
	case stream.Source.Handle == "": // its numbers are ledger versions
		return Start{N: n}
	}
	return Start{Kind: AtVersion, N: n}
}

func (s *section) atDeployment(v value, option string, m markets.Market) Start {
	switch {
	case m.Kind != markets.EVM:
		s.add(v, option, "deployment is for chains of kind evm only: give a number, {version: N} or latest")
	case len(contractsOf(m)) == 0:
		s.add(v, option, "deployment needs the market's contracts, and it takes events of any: give a block's number, or name contracts")
	default:
		return Start{Kind: AtDeployment}
	}
	return Start{}
}
