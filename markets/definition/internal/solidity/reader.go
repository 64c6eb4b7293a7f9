package solidity

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
	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// ErrShort says that the data of a log ends before its values do.
var ErrShort = errors.New("the data ends too early")

var (
	errRange    = errors.New("the value is out of its type's range")
	errRepeated = fmt.Errorf("the values take more than %d times the data", maxRepeats)
)

// Field reads one field of an event from its logs.
type Field struct {
	abi.Argument
	topic int // its index among the topics; 0 if it is not indexed
	head  int // the offset of its head in the data, in bytes
}

// Fields are those of the event's fields whose names are used.
func (e *Event) Fields(used map[string]bool) (out []Field) {
	topic, head := 0, 0
	for _, a := range e.Parameters {
		f := Field{Argument: a, head: head}
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

// DataSize is the least size in bytes of the event's data.
func (e *Event) DataSize() (size int) {
	for _, a := range e.Parameters {
		if !a.Indexed {
			size += headSize(a.Type)
		}
	}
	return size
}

// Read is the field's value in a log, which has the event's number of topics.
func (f *Field) Read(raw *markets.Raw, r *Reader) (any, error) {
	if f.topic == 0 {
		value, err := r.At(f.Type, raw.Data, f.head)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		return value, nil
	}
	word := raw.Topics[f.topic][:]
	if isHashed(f.Type) {
		return hexText(word), nil
	}
	value, err := r.word(f.Type, word)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return value, nil
}

// Reader reads the values of one log.
type Reader struct {
	budget    expression.Budget
	bytes     int // that texts and bytes may still take
	checksums address.Checksums
}

// maxRepeats is how often all of a log's bytes may be read: offsets may share a tail.
const maxRepeats = 4

// NewReader makes a reader of one log with data of a size.
func NewReader(checksums address.Checksums, size int) Reader {
	return Reader{expression.NewBudget(), maxRepeats * size, checksums}
}

// At is the value whose head is at an offset of data. The offsets of tails count from the
// beginning of data.
func (r *Reader) At(t abi.Type, data []byte, head int) (any, error) {
	if err := r.budget.Spend(); err != nil {
		return nil, err
	}
	if isDynamic(t) {
		offset, err := length(data, head)
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
		return nil, ErrShort
	}
	return r.word(t, data[head:head+wordSize])
}

// tail is a value of a dynamic type, at the beginning of data.
func (r *Reader) tail(t abi.Type, data []byte) (any, error) {
	switch t.T {
	case abi.ArrayTy:
		return r.list(*t.Elem, t.Size, data, 0)
	case abi.TupleTy:
		return r.tuple(t, data, 0)
	}
	size, err := length(data, 0)
	if err != nil {
		return nil, err
	}
	data = data[wordSize:]
	switch t.T {
	case abi.SliceTy:
		return r.list(*t.Elem, size, data, 0)
	}
	if size > len(data) {
		return nil, ErrShort
	}
	if r.bytes -= size; r.bytes < 0 {
		return nil, errRepeated
	}
	if t.T == abi.StringTy {
		return text(data[:size]), nil
	}
	return hexText(data[:size]), nil
}

func (r *Reader) list(t abi.Type, size int, data []byte, head int) (any, error) {
	if size > expression.MaxValues {
		return nil, expression.ErrTooManyValues
	}
	list := make([]any, 0, size)
	for range size {
		value, err := r.At(t, data, head)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		head += headSize(t)
	}
	return list, nil
}

func (r *Reader) tuple(t abi.Type, data []byte, head int) (any, error) {
	fields := make(map[string]any, len(t.TupleElems))
	for i, e := range t.TupleElems {
		value, err := r.At(*e, data, head)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.TupleRawNames[i], err)
		}
		fields[t.TupleRawNames[i]] = value
		head += headSize(*e)
	}
	return fields, nil
}

// word is a value that takes one word.
func (r *Reader) word(t abi.Type, word []byte) (any, error) {
	switch t.T {
	case abi.AddressTy:
		if !isZero(word[:wordSize-common.AddressLength]) {
			return nil, errRange
		}
		return r.checksums.Of(common.Address(word[wordSize-common.AddressLength:])), nil
	case abi.UintTy:
		n := new(big.Int).SetBytes(word)
		if n.BitLen() > t.Size {
			return nil, errRange
		}
		return expression.NumberOf(n), nil
	case abi.IntTy:
		return signed(word, t.Size)
	case abi.BoolTy:
		if !isZero(word[:wordSize-1]) || word[wordSize-1] > 1 {
			return nil, errRange
		}
		return word[wordSize-1] == 1, nil
	case abi.FixedBytesTy:
		return hexText(word[:t.Size]), nil
	}
	return hexText(word), nil // function types
}

// signed is an integer in two's complement.
func signed(word []byte, bits int) (any, error) {
	n := new(big.Int).SetBytes(word)
	if word[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 8*wordSize))
	}
	if limit := new(big.Int).Lsh(big.NewInt(1), uint(bits-1)); n.CmpAbs(limit) > 0 || n.Cmp(limit) == 0 {
		return nil, errRange
	}
	return expression.NumberOf(n), nil
}

// length is the length, or offset, in the word at an offset of data. It is not greater
// than the size of data.
func length(data []byte, at int) (int, error) {
	if at+wordSize > len(data) {
		return 0, ErrShort
	}
	word := data[at : at+wordSize]
	n := binary.BigEndian.Uint64(word[wordSize-8:])
	if !isZero(word[:wordSize-8]) || n > uint64(len(data)) {
		return 0, ErrShort
	}
	return int(n), nil
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

func hexText(b []byte) string { return "0x" + hex.EncodeToString(b) }

// text is a string, which need not be UTF-8.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return hexText(b)
}
