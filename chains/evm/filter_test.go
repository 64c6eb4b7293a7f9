package evm

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

// What any source matches, the question for all of them must match.
func TestUnionMatchesWhateverItsFiltersDo(t *testing.T) {
	some := func(all []string) *rapid.Generator[[]string] {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, len(all), rapid.ID[string])
	}
	var addressTexts, topicTexts []string
	for i := range contracts {
		addressTexts, topicTexts = append(addressTexts, contracts[i].Hex()), append(topicTexts, topics[i].Hex())
	}
	rapid.Check(t, func(t *rapid.T) {
		filters := map[string]filter{}
		for range rapid.IntRange(1, 4).Draw(t, "sources") {
			source := markets.Source{Addresses: some(addressTexts).Draw(t, "addresses"), Topics: some(topicTexts).Draw(t, "topics")}
			f, err := newFilter(source)
			if err != nil {
				t.Fatal(err)
			}
			filters[sourceKey(source)] = f
		}
		all := union(filters)
		for i := range contracts {
			for j := range topics {
				raw := markets.Raw{Address: contracts[i], Topics: [][32]byte{topics[j]}}
				for key, f := range filters {
					if f.matches(&raw) && !all.matches(&raw) {
						t.Fatalf("the union misses contract %d, topic %d of %q", i, j, key)
					}
				}
			}
			if anonymous := (markets.Raw{Address: contracts[i]}); len(all.topics) > 0 && all.matches(&anonymous) {
				t.Fatal("a log without topics matches one")
			}
		}
	})
}
