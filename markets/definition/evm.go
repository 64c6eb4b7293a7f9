package definition

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// field reads one field of an event from its logs.
type field struct {
	abi.Argument
	topic int // where it is indexed; 0 if it is not
	head  int // its place in the data, in bytes
}

// fieldsOf are those of an event's fields whose names are used.
func (e *event) fieldsOf(used map[string]bool) (out []field) {
	topic, head := 0, 0
	for _, a := range e.fields {
		f := field{Argument: a, head: head}
		if a.Indexed {
			topic++
			f.topic = topic
		} else {
			head += headSize(a.Type)
		}
		if used[a.Name] {
			out = append(out, f)
		}
	}
	return out
}

// dataSize is the least size in bytes of an event's data.
func (e *event) dataSize() (size int) {
	for _, a := range e.fields {
		if !a.Indexed {
			size += headSize(a.Type)
		}
	}
	return size
}

// read is the field's value in a log.
func (f *field) read(raw *markets.Raw, r *evmReader) (any, error) {
	if f.topic == 0 {
		value, err := r.at(f.Type, raw.Data, f.head)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		return value, nil
	}
	word := raw.Topics[f.topic][:]
	if hashed(f.Type) {
		return hexText(word), nil
	}
	value, err := r.word(f.Type, word)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return value, nil
}

// wordSize is the size in bytes of what the ABI encodes everything in.
const wordSize = 32

// headSize is the size in bytes of a type's head (Solidity ABI specification, "Formal
// Specification of the Encoding").
func headSize(t abi.Type) int {
	if dynamic(t) {
		return wordSize
	}
	switch t.T {
	case abi.ArrayTy:
		return t.Size * headSize(*t.Elem)
	case abi.TupleTy:
		size := 0
		for _, e := range t.TupleElems {
			size += headSize(*e)
		}
		return size
	}
	return wordSize
}

func dynamic(t abi.Type) bool {
	switch t.T {
	case abi.StringTy, abi.BytesTy, abi.SliceTy:
		return true
	case abi.ArrayTy:
		return dynamic(*t.Elem)
	case abi.TupleTy:
		for _, e := range t.TupleElems {
			if dynamic(*e) {
				return true
			}
		}
	}
	return false
}

var (
	errShort = errors.New("the data ends too early")
	errMany  = fmt.Errorf("more than %d values", maxList)
	errRange = errors.New("a value that its type does not have")
)

// evmReader reads values of Solidity types. The data comes from a node and is not
// trusted: left bounds how many values one event may have.
type evmReader struct {
	left  int
	known checksums
}

// at is the value whose head is at a place of data. Offsets count from the data's
// beginning.
func (r *evmReader) at(t abi.Type, data []byte, head int) (any, error) {
	if r.left--; r.left < 0 {
		return nil, errMany
	}
	if dynamic(t) {
		offset, err := small(data, head)
		if err != nil {
			return nil, err
		}
		return r.tail(t, data[offset:])
	}
	switch t.T {
	case abi.ArrayTy:
		return r.list(*t.Elem, t.Size, data, head)
	case abi.TupleTy:
		return r.tuple(t, data, head)
	}
	if head+wordSize > len(data) {
		return nil, errShort
	}
	return r.word(t, data[head:head+wordSize])
}

// tail is a value of a type without fixed size, which data begins with.
func (r *evmReader) tail(t abi.Type, data []byte) (any, error) {
	switch t.T {
	case abi.ArrayTy:
		return r.list(*t.Elem, t.Size, data, 0)
	case abi.TupleTy:
		return r.tuple(t, data, 0)
	}
	size, err := small(data, 0)
	if err != nil {
		return nil, err
	}
	data = data[wordSize:]
	switch t.T {
	case abi.SliceTy:
		return r.list(*t.Elem, size, data, 0)
	case abi.StringTy:
		if size > len(data) {
			return nil, errShort
		}
		return text(data[:size]), nil
	}
	if size > len(data) {
		return nil, errShort
	}
	return hexText(data[:size]), nil
}

func (r *evmReader) list(t abi.Type, size int, data []byte, head int) (any, error) {
	if size > maxList {
		return nil, errMany
	}
	list := make([]any, 0, size)
	for range size {
		value, err := r.at(t, data, head)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		head += headSize(t)
	}
	return list, nil
}

func (r *evmReader) tuple(t abi.Type, data []byte, head int) (any, error) {
	fields := make(map[string]any, len(t.TupleElems))
	for i, e := range t.TupleElems {
		value, err := r.at(*e, data, head)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.TupleRawNames[i], err)
		}
		fields[t.TupleRawNames[i]] = value
		head += headSize(*e)
	}
	return fields, nil
}

// word is a value that is one word.
func (r *evmReader) word(t abi.Type, word []byte) (any, error) {
	switch t.T {
	case abi.AddressTy:
		if !zero(word[:wordSize-common.AddressLength]) {
			return nil, errRange
		}
		return r.known.of(common.Address(word[wordSize-common.AddressLength:])), nil
	case abi.UintTy:
		n := new(big.Int).SetBytes(word)
		if n.BitLen() > t.Size {
			return nil, errRange
		}
		return Number{n}, nil
	case abi.IntTy:
		return signed(word, t.Size)
	case abi.BoolTy:
		if !zero(word[:wordSize-1]) || word[wordSize-1] > 1 {
			return nil, errRange
		}
		return word[wordSize-1] == 1, nil
	case abi.FixedBytesTy:
		return hexText(word[:t.Size]), nil
	}
	return hexText(word), nil // functions and what is to come
}

// signed is a number in two's complement.
func signed(word []byte, bits int) (any, error) {
	n := new(big.Int).SetBytes(word)
	if word[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 8*wordSize))
	}
	if limit := new(big.Int).Lsh(big.NewInt(1), uint(bits-1)); n.CmpAbs(limit) > 0 || n.Cmp(limit) == 0 {
		return nil, errRange
	}
	return Number{n}, nil
}

// small is the length or offset at a place of data, which lies within it.
func small(data []byte, at int) (int, error) {
	if at+wordSize > len(data) {
		return 0, errShort
	}
	word := data[at : at+wordSize]
	n := binary.BigEndian.Uint64(word[wordSize-8:])
	if !zero(word[:wordSize-8]) || n > uint64(len(data)) {
		return 0, errShort
	}
	return int(n), nil
}

func zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

func hexText(b []byte) string { return "0x" + hex.EncodeToString(b) }

// text is a string from a chain, which may be anything.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return hexText(b)
}
