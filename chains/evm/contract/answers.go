package contract

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/holiman/uint256"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/printable"
)

// The errors of answers, beside those of chains.CallResult.
var (
	// ErrEmpty: nothing was returned. There is no code at the address, or no such function.
	ErrEmpty = errors.New("the contract returned nothing")
	// ErrMalformed: what was returned is not of the function's type.
	ErrMalformed = errors.New("the contract returned something else")
)

// OrderState is what Seaport says of an order. Filled of Size is the fraction that is filled;
// Size is zero as long as the order was neither validated nor filled.
type OrderState struct {
	Validated, Cancelled bool
	Filled, Size         *uint256.Int
}

// Status decodes the answer of OrderStatus.
func Status(r chains.CallResult) (OrderState, error) {
	w := words(r, 4)
	s := OrderState{w.boolean(0), w.boolean(1), w.uint(2), w.uint(3)}
	if w.err == nil && s.Filled.Gt(s.Size) {
		w.fail("%s of %s filled", s.Filled, s.Size)
	}
	if w.err != nil {
		return OrderState{}, w.err
	}
	return s, nil
}

// Seaport is what a Seaport contract says of itself.
type Seaport struct {
	Version           string
	DomainSeparator   [32]byte
	ConduitController [20]byte
}

// SeaportOf decodes the answer of Information.
func SeaportOf(r chains.CallResult) (Seaport, error) {
	w := words(r, 4)
	s := Seaport{Version: printable.Name(string(w.text(0)), maxRunes), DomainSeparator: w.word(1), ConduitController: w.address(2)}
	if w.err != nil {
		return Seaport{}, w.err
	}
	return s, nil
}

// ConduitOf decodes the answer of Conduit: the address, and whether there is a contract.
func ConduitOf(r chains.CallResult) (address [20]byte, exists bool, err error) {
	w := words(r, 2)
	address, exists = w.address(0), w.boolean(1)
	if w.err != nil {
		return [20]byte{}, false, w.err
	}
	return address, exists, nil
}

// Address decodes an address.
func Address(r chains.CallResult) ([20]byte, error) {
	w := words(r, 1)
	address := w.address(0)
	return address, w.err
}

// Bool decodes a boolean.
func Bool(r chains.CallResult) (bool, error) {
	w := words(r, 1)
	is := w.boolean(0)
	return is, w.err
}

// Uint decodes an unsigned integer.
func Uint(r chains.CallResult) (*uint256.Int, error) {
	w := words(r, 1)
	v := w.uint(0)
	if w.err != nil {
		return nil, w.err
	}
	return v, nil
}

// maxDecimals is the most digits that a number of 256 bits has, less one.
const maxDecimals = 77

// DecimalsOf decodes the answer of Decimals, 0 to 77.
func DecimalsOf(r chains.CallResult) (int, error) {
	v, err := Uint(r)
	switch {
	case err != nil:
		return 0, err
	case v.GtUint64(maxDecimals):
		return 0, fmt.Errorf("%w: %s decimals", ErrMalformed, v)
	}
	return int(v.Uint64()), nil
}

// Text decodes the answer of Symbol or Name, a string or, of old tokens, 32 bytes. What is
// left of it is printable, has no spaces at its ends, and 1 to 32 runes.
func Text(r chains.CallResult) (string, error) {
	w := words(r, 1)
	var text []byte
	if len(w.data) == 32 {
		text, _, _ = bytes.Cut(w.data, []byte{0})
	} else {
		text = w.text(0)
	}
	if w.err != nil {
		return "", w.err
	}
	if clean := printable.Name(string(text), maxRunes); clean != "" {
		return clean, nil
	}
	return "", fmt.Errorf("%w: a text without printable characters", ErrMalformed)
}

// Valid decodes the answer of IsValidSignature.
func Valid(r chains.CallResult) (bool, error) {
	w := words(r, 1)
	word := w.word(0)
	return w.err == nil && binary.BigEndian.Uint32(word[:4]) == isValidSignature, w.err
}

const maxRunes = 32

// reader reads words of 32 bytes. After an error it reads zeros.
type reader struct {
	data []byte
	err  error
}

// words returns a reader of a call's answer, which has n words at least.
func words(r chains.CallResult, n int) *reader {
	w := &reader{data: r.Data, err: r.Err}
	switch {
	case w.err != nil:
	case len(r.Data) == 0:
		w.err = ErrEmpty
	case len(r.Data) < 32*n:
		w.fail("%d bytes, not %d", len(r.Data), 32*n)
	}
	return w
}

func (w *reader) fail(format string, args ...any) {
	w.err = fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
}

func (w *reader) word(i int) [32]byte {
	if w.err != nil {
		return [32]byte{}
	}
	return [32]byte(w.data[32*i:])
}

func (w *reader) uint(i int) *uint256.Int {
	word := w.word(i)
	return new(uint256.Int).SetBytes32(word[:])
}

func (w *reader) boolean(i int) bool {
	v := w.uint(i)
	if v.GtUint64(1) {
		w.fail("%s is not a boolean", v)
		return false
	}
	return !v.IsZero()
}

func (w *reader) address(i int) [20]byte {
	word := w.word(i)
	if [12]byte(word[:12]) != ([12]byte{}) {
		w.fail("%x is not an address", word)
		return [20]byte{}
	}
	return [20]byte(word[12:])
}

// text is the bytes that start where word i says.
func (w *reader) text(i int) []byte {
	start := w.uint(i)
	if w.err != nil {
		return nil
	}
	if !start.LtUint64(uint64(len(w.data))) || uint64(len(w.data))-start.Uint64() < 32 {
		w.fail("a text beyond the end")
		return nil
	}
	rest := w.data[start.Uint64():]
	size := new(uint256.Int).SetBytes32(rest[:32])
	if size.GtUint64(uint64(len(rest) - 32)) {
		w.fail("a text of %s bytes in %d", size, len(rest)-32)
		return nil
	}
	return rest[32 : 32+size.Uint64()]
}
