package definition

import "github.com/ethereum/go-ethereum/common"

// maxChecksums bounds how many addresses are remembered.
const maxChecksums = 4096

// checksums remembers how addresses are written in EIP-55, which wants a hash of each:
// collections, currencies and receivers of fees come again and again.
type checksums map[common.Address]string

// of is the address in EIP-55.
func (c checksums) of(a common.Address) string {
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
