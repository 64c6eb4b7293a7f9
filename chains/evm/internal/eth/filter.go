package eth

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// Filter is a source, ready to query and to check. Without addresses or without topics it
// matches any.
type Filter struct {
	Addresses map[[20]byte]bool
	topics    map[[32]byte]bool

	addressDigests map[[20]byte]digest // their bits in blooms
	topicDigests   map[[32]byte]digest
}

func NewFilter(source markets.Source) (Filter, error) {
	f := Filter{Addresses: map[[20]byte]bool{}, topics: map[[32]byte]bool{}}
	for _, text := range source.Addresses {
		if !common.IsHexAddress(text) {
			return Filter{}, fmt.Errorf("%q is not an EVM address", text)
		}
		f.Addresses[common.HexToAddress(text)] = true
	}
	for _, text := range source.Topics {
		digits, ok := strings.CutPrefix(text, "0x")
		topic, err := hex.DecodeString(digits)
		if !ok || err != nil || len(topic) != 32 {
			return Filter{}, fmt.Errorf("%q is not a topic of 32 bytes", text)
		}
		f.topics[[32]byte(topic)] = true
	}
	return f.withDigests(), nil
}

// withDigests returns the filter ready to look into blooms.
func (f Filter) withDigests() Filter {
	f.addressDigests, f.topicDigests = map[[20]byte]digest{}, map[[32]byte]digest{}
	for address := range f.Addresses {
		f.addressDigests[address] = digestOf(address[:])
	}
	for topic := range f.topics {
		f.topicDigests[topic] = digestOf(topic[:])
	}
	return f
}

// Union returns a filter that matches whatever any of the filters does.
func Union(filters map[string]Filter) Filter {
	u := Filter{Addresses: map[[20]byte]bool{}, topics: map[[32]byte]bool{}}
	anyAddress, anyTopic := false, false
	for _, f := range filters {
		anyAddress = anyAddress || len(f.Addresses) == 0
		anyTopic = anyTopic || len(f.topics) == 0
		for address := range f.Addresses {
			u.Addresses[address] = true
		}
		for topic := range f.topics {
			u.topics[topic] = true
		}
	}
	if anyAddress {
		u.Addresses = nil
	}
	if anyTopic {
		u.topics = nil
	}
	return u.withDigests()
}

func (f Filter) Matches(raw *markets.Raw) bool {
	if len(f.Addresses) > 0 && !f.Addresses[raw.Address] {
		return false
	}
	return len(f.topics) == 0 || len(raw.Topics) > 0 && f.topics[raw.Topics[0]]
}

// Queries returns the filter as eth_getLogs takes it, without a range: several if it has more
// than most addresses.
func (f Filter) Queries(most int) (all []map[string]any) {
	addresses := sortedHex(f.Addresses, func(a [20]byte) []byte { return a[:] })
	if len(addresses) == 0 {
		return []map[string]any{f.query(nil)}
	}
	for part := range slices.Chunk(addresses, most) {
		all = append(all, f.query(part))
	}
	return all
}

func (f Filter) query(addresses []string) map[string]any {
	q := map[string]any{}
	if len(addresses) > 0 {
		q["address"] = addresses
	}
	if len(f.topics) > 0 {
		q["topics"] = []any{sortedHex(f.topics, func(t [32]byte) []byte { return t[:] })}
	}
	return q
}

func sortedHex[T comparable](set map[T]bool, bytes func(T) []byte) []string {
	out := make([]string, 0, len(set))
	for v := range set {
		out = append(out, "0x"+hex.EncodeToString(bytes(v)))
	}
	slices.Sort(out)
	return out
}

// SourceKey identifies a source.
func SourceKey(source markets.Source) string {
	return strings.ToLower(strings.Join(source.Addresses, ",") + " " + strings.Join(source.Topics, ","))
}

// Divisible says whether the filter has several addresses or topics.
func (f Filter) Divisible() bool { return len(f.Addresses) > 1 || len(f.topics) > 1 }

// Halves returns filters that together match what the filter does: by its addresses or, if it
// has only one, by its topics.
func (f Filter) Halves() []Filter {
	switch {
	case len(f.Addresses) > 1:
		a, b := halved(f.Addresses)
		return []Filter{Filter{Addresses: a, topics: f.topics}.withDigests(), Filter{Addresses: b, topics: f.topics}.withDigests()}
	case len(f.topics) > 1:
		a, b := halved(f.topics)
		return []Filter{Filter{Addresses: f.Addresses, topics: a}.withDigests(), Filter{Addresses: f.Addresses, topics: b}.withDigests()}
	}
	return []Filter{f}
}

func halved[T comparable](set map[T]bool) (a, b map[T]bool) {
	a, b = map[T]bool{}, map[T]bool{}
	for v := range set {
		if len(a) < len(set)/2 {
			a[v] = true
		} else {
			b[v] = true
		}
	}
	return a, b
}

// Matching returns the logs that match the filter.
func (f Filter) Matching(raws []markets.Raw) []markets.Raw {
	var matching []markets.Raw
	for i := range raws {
		if f.Matches(&raws[i]) {
			matching = append(matching, raws[i])
		}
	}
	return matching
}

// Interest is the sources that logs are fetched for.
type Interest struct {
	Keys map[string]bool
	All  Filter            // their union
	Each map[string]Filter // by key
}

func (in Interest) IsMissingLogs(b Bloom, raws []markets.Raw) bool {
	for _, f := range in.Each {
		if f.isMissingLogs(b, raws) {
			return true
		}
	}
	return false
}
