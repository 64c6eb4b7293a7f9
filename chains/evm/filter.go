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
}

func newFilter(source markets.Source) (filter, error) {
	f := filter{map[[20]byte]bool{}, map[[32]byte]bool{}}
	for _, text := range source.Addresses {
		if !common.IsHexAddress(text) {
			return filter{}, fmt.Errorf("%q is no EVM address", text)
		}
		f.addresses[common.HexToAddress(text)] = true
	}
	for _, text := range source.Topics {
		digits, ok := strings.CutPrefix(text, "0x")
		topic, err := hex.DecodeString(digits)
		if !ok || err != nil || len(topic) != 32 {
			return filter{}, fmt.Errorf("%q is no topic", text)
		}
		f.topics[[32]byte(topic)] = true
	}
	return f, nil
}

// union is a filter that matches whatever any of the filters does.
func union(filters map[string]filter) filter {
	u := filter{map[[20]byte]bool{}, map[[32]byte]bool{}}
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
	return u
}

func (f filter) matches(raw *markets.Raw) bool {
	if len(f.addresses) > 0 && !f.addresses[raw.Address] {
		return false
	}
	return len(f.topics) == 0 || len(raw.Topics) > 0 && f.topics[raw.Topics[0]]
}

// query is the filter as eth_getLogs takes it, without a range.
func (f filter) query() map[string]any {
	q := map[string]any{}
	if len(f.addresses) > 0 {
		q["address"] = sortedHex(f.addresses, func(a [20]byte) []byte { return a[:] })
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

// keyOf names a source.
func keyOf(source markets.Source) string {
	return strings.ToLower(strings.Join(source.Addresses, ",") + " " + strings.Join(source.Topics, ","))
}
