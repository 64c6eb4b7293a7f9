package markets

import (
	"fmt"

	"github.com/holiman/uint256"
)

// Amount is a number of a currency's or token's smallest units, from 0 to 2^256-1, as a
// decimal string without leading zeros: no number type of JSON or BSON holds it exactly.
// The empty Amount is unknown.
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

// Cmp compares two amounts: negative when a is less than b. An unknown amount is less than
// any other.
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

// Plus is the sum of two amounts, an unknown one counting as 0. A sum above 2^256-1 is
// 2^256-1, so that Plus is total.
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

// Minus is a - b, or 0 if b is more; unknown if either is.
func (a Amount) Minus(b Amount) Amount {
	if !a.Known() || !b.Known() {
		return ""
	}
	if a.Cmp(b) <= 0 {
		return "0"
	}
	x, y := uint256.MustFromDecimal(string(a)), uint256.MustFromDecimal(string(b))
	return AmountOf(x.Sub(x, y))
}

// Over is a / b rounded up; unknown if either is, or b is 0.
func (a Amount) Over(b Amount) Amount {
	if !a.Known() || !b.Known() || b == "0" {
		return ""
	}
	if b == "1" {
		return a
	}
	x, y := uint256.MustFromDecimal(string(a)), uint256.MustFromDecimal(string(b))
	quotient, rest := new(uint256.Int).DivMod(x, y, new(uint256.Int))
	if !rest.IsZero() {
		quotient.AddUint64(quotient, 1)
	}
	return AmountOf(quotient)
}

// Part is a * numerator / denominator rounded down, at most a; unknown if a is. A
// denominator of 0 makes it 0.
func (a Amount) Part(numerator, denominator Amount) Amount {
	if !a.Known() || !numerator.Known() || !denominator.Known() || denominator == "0" {
		return a.zero()
	}
	if numerator.Cmp(denominator) >= 0 {
		return a
	}
	x, n, d := uint256.MustFromDecimal(string(a)), uint256.MustFromDecimal(string(numerator)), uint256.MustFromDecimal(string(denominator))
	part, _ := new(uint256.Int).MulDivOverflow(x, n, d)
	return AmountOf(part)
}

// zero is 0 of a known amount.
func (a Amount) zero() Amount {
	if !a.Known() {
		return ""
	}
	return "0"
}

// Sortable is the amount in a form that sorts as text as amounts do as numbers: the number
// of its digits in two digits, then its digits. "950" is "03950". It is empty for an
// unknown amount.
func (a Amount) Sortable() string {
	if !a.Known() {
		return ""
	}
	return fmt.Sprintf("%02d%s", len(a), a)
}

// BigEndian is a known amount as 32 bytes, the most significant first, which sort as
// amounts do. It panics on an unknown amount.
func (a Amount) BigEndian() [32]byte { return uint256.MustFromDecimal(string(a)).Bytes32() }
