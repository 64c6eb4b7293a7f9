package seaport

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// wordSize is the size in bytes of the units that the ABI encodes everything in.
const wordSize = 32

// maxItems bounds the items of an order. A block has not enough gas for the transfers of
// so many.
const maxItems = 4096

// abiData reads ABI-encoded data (the Solidity ABI specification, "Formal
// Specification of the Encoding"). The data comes from a node and is not trusted: after
// the first invalid value err is set, and everything reads as zero.
type abiData struct {
	data []byte
	err  error
}

var zeroWord [wordSize]byte

var errShort = errors.New("the data ends too early")

// word is the i-th word.
func (w *abiData) word(i int) []byte {
	start := i * wordSize
	if w.err != nil || start+wordSize > len(w.data) {
		w.fail(errShort)
		return zeroWord[:]
	}
	return w.data[start : start+wordSize]
}

func (w *abiData) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// hash is the i-th word as a hash.
func (w *abiData) hash(i int) common.Hash { return common.Hash(w.word(i)) }

// address is the i-th word as an address.
func (w *abiData) address(i int) common.Address { return addressOf(w.word(i)) }

// number is the i-th word as a number.
func (w *abiData) number(i int) (n uint256.Int) {
	n.SetBytes32(w.word(i))
	return n
}

// tail is the data at the offset in the i-th word: the encoding of a dynamic type. It has
// the error, too.
func (w *abiData) tail(i int) abiData {
	offset, ok := small(w.word(i), len(w.data))
	if !ok {
		w.fail(fmt.Errorf("offset in word %d: %w", i, errShort))
		return abiData{err: w.err}
	}
	return abiData{data: w.data[offset:], err: w.err}
}

// array is the elements, each of size words, of the dynamic array whose offset is in the
// i-th word.
func (w *abiData) array(i, size int) []byte {
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

// small is a word's value; false if it is above the limit.
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
