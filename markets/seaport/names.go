package seaport

import (
	"sync/atomic"

	"github.com/ethereum/go-ethereum/common"
)

// names remembers addresses in EIP-55, which takes a hash each to write. An address has one
// slot, in which the latest that needs it stays: the same few collections, traders and fee
// receivers are in most events. It may be used by many goroutines.
type names [1024]atomic.Pointer[named]

type named struct {
	address common.Address
	text    string
}

// of is an address in EIP-55.
func (n *names) of(a common.Address) string {
	slot := &n[(uint(a[0])<<8^uint(a[18])<<8^uint(a[1])^uint(a[19]))%uint(len(n))]
	if known := slot.Load(); known != nil && known.address == a {
		return known.text
	}
	text := a.Hex()
	slot.Store(&named{a, text})
	return text
}

// known is an address in EIP-55; empty if it is zero: not known.
func (n *names) known(a common.Address) string {
	if a == (common.Address{}) {
		return ""
	}
	return n.of(a)
}
