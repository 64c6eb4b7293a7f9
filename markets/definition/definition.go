package definition

import (
	"io/fs"
	"strings"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/markets"
)

// Definition is a market as its file describes it. It is immutable.
type Definition struct {
	Market string
	Kind   markets.ChainKind
	About  string
	Chains []Chain
	// Warnings are what is allowed and probably wrong.
	Warnings []Problem

	source     Source
	notifies   bool
	raw        bool // activities keep their raw events, unless a source says otherwise
	currencies map[string]markets.Currency
	factories  []*factory
	streams    []*stream
}

// Chain is a chain that the market lives on.
type Chain struct {
	Name      string
	ID        uint64 // 0 is any chain that has no entry of its own
	Start     int64  // the first block worth reading; -1 if not known
	Contracts []Contract
	Account   string // Aptos
}

// Contract is a contract of a market, on one chain.
type Contract struct {
	Name    string
	Address string // EIP-55
	Start   int64  // the first block worth reading; -1 if not known
}

// Source is where a definition comes from.
type Source struct {
	File  string // for messages
	Text  []byte
	Files fs.FS // its folder, for ABI files; nil if there are none
	// Decoders are the built-in decoders that it may name.
	Decoders map[string]Decoder
}

// Decoder is a decoder that is code.
type Decoder struct {
	Topics []string // the first topics of its events
	Events []string // their signatures, for people: Transfer(address,address,uint256)
	// Version is raised when the decoder makes something else of the same raw events.
	Version int
	// Decode makes the decoder for some contracts, in EIP-55. known are the currencies that
	// are known without asking the chain, its own coin at the zero address among them.
	Decode func(contracts []string, known []markets.Currency) func([]markets.Raw) ([]markets.Event, []markets.Failure)
}

// Source is where the definition comes from.
func (d *Definition) Source() Source { return d.source }

// StreamInfo is a stream of a definition, for people.
type StreamInfo struct {
	Name   string
	Line   int
	Events []string // the names of its events, or of its decoder
}

// Streams are the definition's streams.
func (d *Definition) Streams() []StreamInfo {
	var out []StreamInfo
	for _, s := range d.streams {
		info := StreamInfo{Name: s.name, Line: s.line}
		for _, src := range s.sources {
			info.Events = append(info.Events, src.title())
		}
		out = append(out, info)
	}
	return out
}

// EventNames are the names of the EVM events that the definition declares, by their first topic.
func (d *Definition) EventNames() map[[32]byte]string {
	names := map[[32]byte]string{}
	for _, s := range d.streams {
		for _, src := range s.sources {
			if src.event != nil {
				names[src.event.ID] = src.event.RawName
			}
			if src.decoder != nil {
				for _, signature := range src.decoder.Events {
					name, _, _ := strings.Cut(signature, "(")
					names[crypto.Keccak256Hash([]byte(signature))] = name
				}
			}
		}
	}
	return names
}
