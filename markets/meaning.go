package markets

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// Meaning is digests of what decides what a stream's raw events become. Two definitions of a
// stream with the same meaning make the same documents. The zero Meaning is not known.
//
// Where a stream starts, whom it notifies and whether it keeps raw events is not in it: a
// change of these concerns later events only.
type Meaning struct {
	// Source is the digest of which raw events are the stream's: contracts and topics, a
	// handle, or types.
	Source string `json:"source" bson:"source"`
	// Decoding is the digest of what they become: declarations, expressions and currencies, or
	// the version of a built-in decoder.
	Decoding string `json:"decoding" bson:"decoding"`
	// Total says that each raw event becomes an activity or a dead letter. A stream whose
	// activities keep their raw events then has all of them.
	Total bool `json:"total,omitempty" bson:"total,omitempty"`
}

// The aspects of a meaning that can change.
const (
	SourceAspect   = "source"
	DecodingAspect = "decoding"
)

// Known says whether there is a meaning.
func (m Meaning) Known() bool { return m != Meaning{} }

// Differences are the aspects in which a meaning differs from another.
func (m Meaning) Differences(other Meaning) (aspects []string) {
	if m.Source != other.Source {
		aspects = append(aspects, SourceAspect)
	}
	if m.Decoding != other.Decoding {
		aspects = append(aspects, DecodingAspect)
	}
	return aspects
}

// MeaningOf is the meaning of a source, with a description of its factories, and of a description
// of its decoding. The order of the source's lists makes no difference.
func MeaningOf(source Source, factories, decoding any, total bool) Meaning {
	if source.Factories != nil {
		source.Addresses, source.Factories = source.Factories.Contracts, nil
	}
	for _, list := range []*[]string{&source.Addresses, &source.Topics, &source.Types} {
		*list = slices.Sorted(slices.Values(*list))
	}
	source.From = 0 // follows from the start
	return Meaning{Source: digestOf([]any{source, factories}), Decoding: digestOf(decoding), Total: total}
}

// digestOf is a digest of a value's JSON.
func digestOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings, numbers and lists of them can be encoded
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
