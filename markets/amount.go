package markets

import (
	"fmt"

	"github.com/holiman/uint256"
)

// Amount is a number of smallest units as a decimal string without sign, spaces
// or leading zeros, at most 256 bits wide: no number type of JSON or BSON holds
// it exactly. The empty Amount is an unknown one.
type Amount string

// ParseAmount reads a decimal string of at most 256 bits.
func ParseAmount(s string) (Amount, error) {
	v, err := uint256.FromDecimal(s)
	if err != nil {
		return "", fmt.Errorf("amount %.100q: %w", s, err)
	}
	return Amount(v.Dec()), nil
}

// AmountOf is the amount of v.
func AmountOf(v *uint256.Int) Amount { return Amount(v.Dec()) }

// Known says whether the amount is known.
func (a Amount) Known() bool { return a != "" }

// Cmp compares two amounts; an unknown one is less than any other.
func (a Amount) Cmp(b Amount) int {
	switch {
	case len(a) != len(b):
		return len(a) - len(b)
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Plus is the sum of two amounts, an unknown one counting as nothing. A sum that
// does not fit 256 bits is the greatest amount there is, so that Plus is total.
func (a Amount) Plus(b Amount) Amount {
	if !a.Known() {
		return b
	}
	if !b.Known() {
		return a
	}
	x, y := uint256.MustFromDecimal(string(a)), uint256.MustFromDecimal(string(b))
	sum, overflow := new(uint256.Int).AddOverflow(x, y)
	if overflow {
		sum.SetAllOne()
	}
	return AmountOf(sum)
}

// Sortable is a form of the amount that sorts as text as the amounts do as
// numbers: the number of its digits, two wide, and the digits. It is empty for an
// unknown amount.
func (a Amount) Sortable() string {
	if !a.Known() {
		return ""
	}
	return fmt.Sprintf("%02d%s", len(a), a)
}

// BigEndian is a known amount as 32 bytes, the most significant first: they sort as
// bytes as the amounts do as numbers.
func (a Amount) BigEndian() [32]byte { return uint256.MustFromDecimal(string(a)).Bytes32() }
