package seaport

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// wordSize is the size in bytes of what the ABI encodes everything in.
const wordSize = 32

// maxItems is the greatest number of items of an order that is decoded. A block
// has no gas for the transfers of so many.
const maxItems = 4096

// words reads ABI-encoded data (the Solidity ABI specification, "Formal
// Specification of the Encoding"). The data comes from a node and is not trusted:
// after the first thing that cannot be, err is set and everything reads as zero.
type words struct {
	data []byte
	err  error
}

var zeroWord [wordSize]byte

var errShort = errors.New("the data ends too early")

// word is the i-th word.
func (w *words) word(i int) []byte {
	start := i * wordSize
	if w.err != nil || start+wordSize > len(w.data) {
		w.fail(errShort)
		return zeroWord[:]
	}
	return w.data[start : start+wordSize]
}

func (w *words) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// hash is the i-th word as a hash.
func (w *words) hash(i int) common.Hash { return common.Hash(w.word(i)) }

// address is the i-th word as an address.
func (w *words) address(i int) common.Address { return addressOf(w.word(i)) }

// number is the i-th word as a number.
func (w *words) number(i int) (n uint256.Int) {
	n.SetBytes32(w.word(i))
	return n
}

// tail is the data at the offset that stands in the i-th word: a dynamic type's
// encoding. It takes over the error.
func (w *words) tail(i int) words {
	offset, ok := small(w.word(i), len(w.data))
	if !ok {
		w.fail(fmt.Errorf("offset in word %d: %w", i, errShort))
		return words{err: w.err}
	}
	return words{data: w.data[offset:], err: w.err}
}

// array is the elements, each of size words, of the dynamic array whose offset
// stands in the i-th word.
func (w *words) array(i, size int) []byte {
	t := w.tail(i)
	count, ok := small(t.word(0), maxItems)
	switch {
	case t.err != nil:
		w.fail(t.err)
		return nil
	case !ok:
		w.fail(fmt.Errorf("array in word %d has more than %d elements", i, maxItems))
		return nil
	case count*size*wordSize > len(t.data)-wordSize:
		w.fail(fmt.Errorf("array in word %d: %w", i, errShort))
		return nil
	}
	return t.data[wordSize : wordSize+count*size*wordSize]
}

// small is a word's value, if it is not above the limit.
func small(word []byte, limit int) (int, bool) {
	var n uint256.Int
	n.SetBytes32(word)
	if !n.IsUint64() || n.Uint64() > uint64(limit) {
		return 0, false
	}
	return int(n.Uint64()), true
}

// addressOf is the address in a word: its last 20 bytes.
func addressOf(word []byte) common.Address {
	return common.Address(word[wordSize-common.AddressLength:])
}
