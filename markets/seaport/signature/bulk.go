package signature

import (
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// A bulk order is a tree of orders under one signature: Seaport 1.2 and later.

// maxHeight is the height of the largest tree of a bulk order.
const maxHeight = 24

// indexLength is that of an order's index in its tree.
const indexLength = 3

// isBulk says whether a signature has the length of a bulk order's:
// (64 or 65) + 3 + 32 * (1 to 24).
func isBulk(signature []byte) bool {
	rest := len(signature) - compactLength - indexLength
	return rest >= 32 && rest <= maxHeight*32+1 && rest%32 <= 1
}

// openBulk returns the signature within a bulk order's, and the bulk order's hash by the
// proof for one order.
func openBulk(signature []byte, order common.Hash) (plain []byte, hash common.Hash) {
	length := compactLength + (len(signature)-compactLength-indexLength)%32
	proof := signature[length+indexLength:]
	index := uint32(signature[length])<<16 | uint32(signature[length+1])<<8 | uint32(signature[length+2])
	height := len(proof) / 32
	node := order
	for level := range height {
		sibling := proof[level*32 : level*32+32]
		if index>>level&1 == 0 {
			node = crypto.Keccak256Hash(node[:], sibling)
		} else {
			node = crypto.Keccak256Hash(sibling, node[:])
		}
	}
	return signature[:length], crypto.Keccak256Hash(bulkTypes()[height].Bytes(), node[:])
}

// bulkTypes are the type hashes of bulk orders, by height from 1.
var bulkTypes = sync.OnceValue(func() (hashes [maxHeight + 1]common.Hash) {
	for height := 1; height <= maxHeight; height++ {
		hashes[height] = hashOf("BulkOrder(OrderComponents" + strings.Repeat("[2]", height) + " tree)" + considerationType + offerType + orderType)
	}
	return hashes
})
