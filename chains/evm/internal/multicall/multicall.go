// Package multicall is the coding of Multicall3's aggregate3, which runs many calls in one
// eth_call. What comes back is not trusted.
//
// It guarantees that Decode reads no more than the digits that it is given, copies no more of
// an answer than the call's limit, and accepts nothing that is not one answer for each call.
//
// For example, two calls are encoded as
//
//	selector  32  2   64 256   to 1 96 4 data   to 1 96 36 data data
//	              │   └──┴─ where each call starts, from here
//	              └ calls
//
// and answered, the first with 1 and the second without success, as
//
//	32  2   64 192   1 64 32 1   0 64 0
package multicall

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// Address is where Multicall3 is deployed, on every chain that has it.
var Address = [20]byte{0xca, 0x11, 0xbd, 0xe0, 0x59, 0x77, 0xb3, 0x63, 0x11, 0x67, 0x02, 0x88, 0x62, 0xbe, 0x2a, 0x17, 0x39, 0x76, 0xca, 0x11}

// The functions of Multicall3 that are called.
var (
	aggregate3 = [4]byte{0x82, 0xad, 0x56, 0xcb}
	// BlockNumber is the input of getBlockNumber(), BlockTime that of
	// getCurrentBlockTimestamp().
	BlockNumber = []byte{0x42, 0xcb, 0xb1, 0x5c}
	BlockTime   = []byte{0x0f, 0x28, 0xc9, 0x7d}
)

// Call is one of the calls to aggregate.
type Call struct {
	To    [20]byte
	Data  []byte
	Limit int // bytes of the answer at most
}

// Answer is what one call returned. Data is nil where the call failed, or returned more than
// its limit.
type Answer struct {
	OK   bool
	Data []byte
	Size int // bytes that the call returned
}

const word = 32

// Encode returns the input of an aggregate3 that allows each call to fail.
func Encode(calls []Call) []byte {
	size := 4 + 2*word
	for _, c := range calls {
		size += word + Size(c.Data)
	}
	out := make([]byte, 0, size)
	out = append(out, aggregate3[:]...)
	out = appendUint(out, word)
	out = appendUint(out, len(calls))
	start := word * len(calls)
	for _, c := range calls {
		out = appendUint(out, start)
		start += Size(c.Data)
	}
	for _, c := range calls {
		out = append(append(out, make([]byte, word-len(c.To))...), c.To[:]...)
		out = appendUint(out, 1) // it may fail
		out = appendUint(out, 3*word)
		out = appendUint(out, len(c.Data))
		out = append(append(out, c.Data...), make([]byte, padding(len(c.Data)))...)
	}
	return out
}

// Size is how many bytes a call takes in the input, without its start.
func Size(data []byte) int { return 4*word + len(data) + padding(len(data)) }

func padding(n int) int { return (word - n%word) % word }

func appendUint(out []byte, v int) []byte {
	out = append(out, make([]byte, word-8)...)
	return binary.BigEndian.AppendUint64(out, uint64(v))
}

// ErrMalformed: what is returned is not the answer of an aggregate3.
var ErrMalformed = errors.New("not an answer of aggregate3")

// Decode reads, from the hexadecimal digits of what aggregate3 returned, one answer for each
// call.
func Decode(digits []byte, calls []Call) ([]Answer, error) {
	r := reader{digits: digits}
	list := r.at(0, 0) // where the list starts
	if n := r.uint(list); r.err == nil && n != len(calls) {
		return nil, fmt.Errorf("%w: %d answers to %d calls", ErrMalformed, n, len(calls))
	}
	answers := make([]Answer, len(calls))
	starts := list + word
	for i, call := range calls {
		answers[i] = r.answer(r.at(starts+i*word, starts), call.Limit)
		if r.err != nil {
			return nil, fmt.Errorf("%w: answer %d: %w", ErrMalformed, i, r.err)
		}
	}
	return answers, nil
}

// reader reads words of hexadecimal digits. After an error it reads zeros.
type reader struct {
	digits []byte
	err    error
}

var errShort = errors.New("it ends early")

// answer reads a tuple of bool and bytes.
func (r *reader) answer(at, limit int) Answer {
	ok := r.uint(at)
	data := r.at(at+word, at)
	size := r.uint(data)
	if r.err == nil && ok > 1 {
		r.err = fmt.Errorf("%d is not a bool", ok)
	}
	a := Answer{OK: ok == 1, Size: size}
	if raw := r.bytes(data+word, size); r.err == nil && a.OK && size <= limit {
		a.Data = make([]byte, size)
		if _, err := hex.Decode(a.Data, raw); err != nil {
			r.err = err
		}
	}
	return a
}

// at reads a start that is counted from another.
func (r *reader) at(position, from int) int { return from + r.uint(position) }

// bytes returns the digits of n bytes.
func (r *reader) bytes(at, n int) []byte {
	if r.err == nil && (at < 0 || n < 0 || at > len(r.digits)/2 || n > len(r.digits)/2-at) {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	return r.digits[2*at : 2*(at+n)]
}

// uint reads a word that is less than 2^31, which all sizes and starts are.
func (r *reader) uint(at int) int {
	raw := r.bytes(at, word)
	if r.err != nil {
		return 0
	}
	var value [word]byte
	if _, err := hex.Decode(value[:], raw); err != nil {
		r.err = err
		return 0
	}
	v := binary.BigEndian.Uint64(value[word-8:])
	if [word - 8]byte(value[:word-8]) != ([word - 8]byte{}) || v > 1<<31-1 {
		r.err = errors.New("a number beyond 2^31")
		return 0
	}
	return int(v)
}
