package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/imart/event-worker/internal/yamlfile"
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
		if f := stream.Source.Factories; f != nil {
			all = append(all, f.Contracts...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// starts are the streams' starts: one for all of them, or one for each, and what the
// definition says of those that are not named.
func starts(n *yamlfile.Node, m markets.Market) map[string]Start {
	start := n.Child("start")
	if start.IsText() || isVersion(start) && !hasStream(m, versionKey) {
		return startOfAll(start, m)
	}
	known := streamNamesOf(m)
	for _, c := range start.Children() {
		if !slices.Contains(known, c.Name()) {
			c.Unknown(known)
		}
	}
	out := map[string]Start{}
	missing := false
	for _, stream := range m.Streams {
		if c := start.Child(stream.Name); c != nil {
			out[stream.Name], _ = parseStart(c, m, stream)
			continue
		}
		out[stream.Name] = Start{N: max(0, stream.Start)}
		missing = missing || stream.Start < 0
	}
	if missing && !n.Has("start") {
		n.Add("start is missing: the first block (on Aptos ledger version) to read, such as the one that the market was deployed in, or latest or, on EVM, deployment")
	}
	return out
}

func hasStream(m markets.Market, name string) bool { return slices.Contains(streamNamesOf(m), name) }

// versionKey begins a ledger version: {version: N}.
const versionKey = string(AtVersion)

func isVersion(n *yamlfile.Node) bool {
	return len(n.Children()) == 1 && n.Has(versionKey)
}

// startOfAll is one start for all streams, reported once if it is not valid.
func startOfAll(n *yamlfile.Node, m markets.Market) map[string]Start {
	out := map[string]Start{}
	for _, stream := range m.Streams {
		start, ok := parseStart(n, m, stream)
		if !ok {
			break
		}
		out[stream.Name] = start
	}
	return out
}

// parseStart is a start: a number, latest, deployment, or a ledger version; false if it
// is not valid, which is reported.
func parseStart(n *yamlfile.Node, m markets.Market, stream markets.Stream) (Start, bool) {
	text := n.Text()
	word, rest, isPair := strings.Cut(text, ":")
	if isPair = isPair && strings.TrimSpace(word) == versionKey; isPair {
		text = strings.TrimSpace(rest)
	}
	if isVersion(n) {
		text, isPair = n.Child(versionKey).Text(), true
	}
	number, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err == nil && number >= 0 && number <= most && isPair:
		return atVersion(n, m, stream, number)
	case err == nil && number >= 0 && number <= most:
		return Start{N: number}, true
	case text == string(AtLatest) && !isPair:
		return Start{Kind: AtLatest}, true
	case text == string(AtDeployment) && !isPair:
		return atDeployment(n, m)
	}
	forms := "a block's number, latest or deployment"
	if m.Kind == markets.Aptos {
		forms = "a number, {version: N} or latest"
	}
	n.Add("%q is not a valid start: give %s", n.Text(), forms)
	return Start{}, false
}

func atVersion(n *yamlfile.Node, m markets.Market, stream markets.Stream, number int64) (Start, bool) {
	switch {
	case m.Kind != markets.Aptos:
		n.Add("a ledger version is for chains of kind aptos only: give a block's number, latest or deployment")
		return Start{}, false
	case stream.Source.Handle == "": // its numbers are ledger versions
		return Start{N: number}, true
	}
	return Start{Kind: AtVersion, N: number}, true
}

func atDeployment(n *yamlfile.Node, m markets.Market) (Start, bool) {
	switch {
	case m.Kind != markets.EVM:
		n.Add("deployment is for chains of kind evm only: give a number, {version: N} or latest")
	case len(contractsOf(m)) == 0:
		n.Add("deployment needs the market's contracts, and it takes events of any: give a block's number, or name contracts")
	default:
		return Start{Kind: AtDeployment}, true
	}
	return Start{}, false
}
