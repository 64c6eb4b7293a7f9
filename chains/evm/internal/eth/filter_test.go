package eth

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

var (
	filterContracts = []common.Address{{0xc0, 19: 1}, {0xc0, 19: 2}, {0xc0, 19: 3}}
	filterTopics    = []common.Hash{{0xaa}, {0xbb}, {0xcc}}
)

// What any source matches, the question for all of them must match.
func TestUnionMatchesWhateverItsFiltersDo(t *testing.T) {
	some := func(all []string) *rapid.Generator[[]string] {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, len(all), rapid.ID[string])
	}
	var addressTexts, topicTexts []string
	for i := range filterContracts {
		addressTexts, topicTexts = append(addressTexts, filterContracts[i].Hex()), append(topicTexts, filterTopics[i].Hex())
	}
	rapid.Check(t, func(t *rapid.T) {
		filters := map[string]Filter{}
		for range rapid.IntRange(1, 4).Draw(t, "sources") {
			source := markets.Source{Addresses: some(addressTexts).Draw(t, "addresses"), Topics: some(topicTexts).Draw(t, "topics")}
			f, err := NewFilter(source)
			if err != nil {
				t.Fatal(err)
			}
			filters[SourceKey(source)] = f
		}
		all := Union(filters)
		for i := range filterContracts {
			for j := range filterTopics {
				raw := markets.Raw{Address: filterContracts[i], Topics: [][32]byte{filterTopics[j]}}
				for key, f := range filters {
					if f.Matches(&raw) && !all.Matches(&raw) {
						t.Fatalf("the union misses contract %d, topic %d of %q", i, j, key)
					}
				}
			}
			if anonymous := (markets.Raw{Address: filterContracts[i]}); len(all.topics) > 0 && all.Matches(&anonymous) {
				t.Fatal("a log without topics matches one")
			}
		}
	})
}
