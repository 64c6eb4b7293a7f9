package address

import "github.com/ethereum/go-ethereum/common"

// maxChecksums bounds the number of addresses in the cache.
const maxChecksums = 4096

// Checksums caches the EIP-55 form of addresses, which takes a hash to compute:
// collections, currencies and receivers of fees recur. It is for one goroutine.
type Checksums map[common.Address]string

// Of is the address in EIP-55.
func (c Checksums) Of(a common.Address) string {
	text, ok := c[a]
	if !ok {
		text = a.Hex()
		if len(c) >= maxChecksums {
			clear(c)
		}
		c[a] = text
	}
	return text
}
