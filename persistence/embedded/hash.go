package embedded

import "github.com/imart/event-worker/persistence"

// hash is the FNV-1a hash of a key within its market. Keys of 66 characters make
// indexes several times as large as these 8 bytes do. Two keys with one hash are
// told apart by their documents.
func hash(market persistence.MarketRef, key string) int64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, part := range [...]string{market.Chain, market.Market, key} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * prime
		}
		h = (h ^ 0xff) * prime // no byte of UTF-8
	}
	return int64(h)
}
