package evm

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// filter is a source, ready to ask and to check. Without addresses or without
// topics it matches any.
type filter struct {
	addresses map[[20]byte]bool
	topics    map[[32]byte]bool

	addressDigests map[[20]byte]digest // their bits in blooms
	topicDigests   map[[32]byte]digest
}

func newFilter(source markets.Source) (filter, error) {
	f := filter{addresses: map[[20]byte]bool{}, topics: map[[32]byte]bool{}}
	for _, text := range source.Addresses {
		if !common.IsHexAddress(text) {
			return filter{}, fmt.Errorf("%q is not an EVM address", text)
		}
		f.addresses[common.HexToAddress(text)] = true
	}
	for _, text := range source.Topics {
		digits, ok := strings.CutPrefix(text, "0x")
		topic, err := hex.DecodeString(digits)
		if !ok || err != nil || len(topic) != 32 {
			return filter{}, fmt.Errorf("%q is not a topic of 32 bytes", text)
		}
		f.topics[[32]byte(topic)] = true
	}
	return f.withDigests(), nil
}

// withDigests is the filter, ready to look into blooms.
func (f filter) withDigests() filter {
	f.addressDigests, f.topicDigests = map[[20]byte]digest{}, map[[32]byte]digest{}
	for address := range f.addresses {
		f.addressDigests[address] = digestOf(address[:])
	}
	for topic := range f.topics {
		f.topicDigests[topic] = digestOf(topic[:])
	}
	return f
}

// union is a filter that matches whatever any of the filters does.
func union(filters map[string]filter) filter {
	u := filter{addresses: map[[20]byte]bool{}, topics: map[[32]byte]bool{}}
	anyAddress, anyTopic := false, false
	for _, f := range filters {
		anyAddress = anyAddress || len(f.addresses) == 0
		anyTopic = anyTopic || len(f.topics) == 0
		for address := range f.addresses {
			u.addresses[address] = true
		}
		for topic := range f.topics {
			u.topics[topic] = true
		}
	}
	if anyAddress {
		u.addresses = nil
	}
	if anyTopic {
		u.topics = nil
	}
	return u.withDigests()
}

func (f filter) matches(raw *markets.Raw) bool {
	if len(f.addresses) > 0 && !f.addresses[raw.Address] {
		return false
	}
	return len(f.topics) == 0 || len(raw.Topics) > 0 && f.topics[raw.Topics[0]]
}

// queries are the filter as eth_getLogs takes it, without a range: one, or several if
// it has more addresses than one may name.
func (f filter) queries(most int) (all []map[string]any) {
	addresses := sortedHex(f.addresses, func(a [20]byte) []byte { return a[:] })
	if len(addresses) == 0 {
		return []map[string]any{f.query(nil)}
	}
	for part := range slices.Chunk(addresses, most) {
		all = append(all, f.query(part))
	}
	return all
}

func (f filter) query(addresses []string) map[string]any {
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

// sourceKey names a source.
func sourceKey(source markets.Source) string {
	return strings.ToLower(strings.Join(source.Addresses, ",") + " " + strings.Join(source.Topics, ","))
}

// divisible says whether the filter has several addresses or topics.
func (f filter) divisible() bool { return len(f.addresses) > 1 || len(f.topics) > 1 }

// halves are filters that together match what the filter does: by its addresses, or if
// it has but one by its topics.
func (f filter) halves() []filter {
	switch {
	case len(f.addresses) > 1:
		a, b := halved(f.addresses)
		return []filter{filter{addresses: a, topics: f.topics}.withDigests(), filter{addresses: b, topics: f.topics}.withDigests()}
	case len(f.topics) > 1:
		a, b := halved(f.topics)
		return []filter{filter{addresses: f.addresses, topics: a}.withDigests(), filter{addresses: f.addresses, topics: b}.withDigests()}
	}
	return []filter{f}
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

// matching is the logs that match the filter.
func (f filter) matching(raws []markets.Raw) []markets.Raw {
	var matching []markets.Raw
	for i := range raws {
		if f.matches(&raws[i]) {
			matching = append(matching, raws[i])
		}
	}
	return matching
}

// interest is the sources that logs are fetched for.
type interest struct {
	keys map[string]bool
	all  filter            // their union
	each map[string]filter // by key
}

func (in interest) isMissingLogs(b bloom, raws []markets.Raw) bool {
	for _, f := range in.each {
		if f.isMissingLogs(b, raws) {
			return true
		}
	}
	return false
}
