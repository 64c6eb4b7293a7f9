package expression

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/imart/event-worker/markets"
)

// Number is an integer in an expression. It is immutable.
type Number struct{ n *big.Int }

// maxBits bounds results of arithmetic: twice the width of an amount.
const maxBits = 512

var (
	errTooLarge     = fmt.Errorf("the number has more than %d bits", maxBits)
	errZeroDivision = errors.New("division by zero")
)

// NumberOf is n as a number, which must not change any more.
func NumberOf(n *big.Int) Number { return Number{n} }

// Unsigned is the number that big-endian bytes encode.
func Unsigned(bytes []byte) Number { return Number{new(big.Int).SetBytes(bytes)} }

// ParseNumber reads decimal digits, with or without sign, or 0x and hexadecimal digits.
func ParseNumber(text string) (Number, error) {
	digits, base := text, 10
	if hex, ok := strings.CutPrefix(text, "0x"); ok {
		digits, base = hex, 16
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok || len(digits) > 200 || strings.Contains(digits, "_") {
		return Number{}, fmt.Errorf("%.80q is not an integer", text)
	}
	return bounded(n)
}

// Numeric is a value of an expression as a number; false if it is not one.
func Numeric(value any) (Number, bool) {
	switch value := value.(type) {
	case Number:
		return value, true
	case int:
		return Number{big.NewInt(int64(value))}, true
	}
	return Number{}, false
}

func (a Number) String() string { return a.n.String() }

// Amount is the number as an amount: from 0 to 2^256-1.
func (a Number) Amount() (markets.Amount, error) {
	if a.n.Sign() < 0 || a.n.BitLen() > 256 {
		return "", fmt.Errorf("%.90s is not an amount: amounts are from 0 to 2^256-1", a)
	}
	return markets.Amount(a.n.String()), nil
}

func bounded(n *big.Int) (Number, error) {
	if n.BitLen() > maxBits {
		return Number{}, errTooLarge
	}
	return Number{n}, nil
}

// arithmetic has the operators whose results are numbers.
var arithmetic = map[string]func(a, b *big.Int) (*big.Int, error){
	"+": func(a, b *big.Int) (*big.Int, error) { return new(big.Int).Add(a, b), nil },
	"-": func(a, b *big.Int) (*big.Int, error) { return new(big.Int).Sub(a, b), nil },
	"*": func(a, b *big.Int) (*big.Int, error) { return new(big.Int).Mul(a, b), nil },
	"/": func(a, b *big.Int) (*big.Int, error) {
		if b.Sign() == 0 {
			return nil, errZeroDivision
		}
		return new(big.Int).Quo(a, b), nil
	},
	"%": func(a, b *big.Int) (*big.Int, error) {
		if b.Sign() == 0 {
			return nil, errZeroDivision
		}
		return new(big.Int).Rem(a, b), nil
	},
	"^":  power,
	"**": power,
	"&":  func(a, b *big.Int) (*big.Int, error) { return new(big.Int).And(a, b), nil },
	"<<": func(a, b *big.Int) (*big.Int, error) {
		bits, err := count(b)
		return new(big.Int).Lsh(a, bits), err
	},
	">>": func(a, b *big.Int) (*big.Int, error) {
		bits, err := count(b)
		return new(big.Int).Rsh(a, bits), err
	},
}

// counted are the operators whose right side is a count.
var counted = map[string]bool{"^": true, "**": true, "<<": true, ">>": true}

// count is an exponent, or a number of bits. With greater ones no result would fit.
func count(n *big.Int) (uint, error) {
	if n.Sign() < 0 || n.Cmp(big.NewInt(maxBits)) > 0 {
		return 0, countError(n)
	}
	return uint(n.Uint64()), nil
}

func countError(n *big.Int) error {
	return fmt.Errorf("%.40s is not from 0 to %d", n.String(), maxBits)
}

// power is a^b.
func power(a, b *big.Int) (*big.Int, error) {
	exponent, err := count(b)
	if err != nil {
		return nil, err
	}
	if a.BitLen() > 1 && (a.BitLen()-1)*int(exponent) > maxBits {
		return nil, errTooLarge
	}
	return new(big.Int).Exp(a, b, nil), nil
}

// comparisons has the operators that compare numbers, as functions of big.Int.Cmp's result.
var comparisons = map[string]func(order int) bool{
	"==": func(order int) bool { return order == 0 },
	"!=": func(order int) bool { return order != 0 },
	"<":  func(order int) bool { return order < 0 },
	"<=": func(order int) bool { return order <= 0 },
	">":  func(order int) bool { return order > 0 },
	">=": func(order int) bool { return order >= 0 },
}

// maxDecimals is how many decimals an amount can have: 10^77 is less than 2^256.
const maxDecimals = 77

// scaled is a decimal fraction times 10^places: the wei of a sum in ether.
func scaled(text string, places int) (Number, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	if places < 0 || places > maxDecimals || len(fraction) > places {
		return Number{}, fmt.Errorf("%.80q has more than %d decimals", text, places)
	}
	return ParseNumber(whole + fraction + strings.Repeat("0", places-len(fraction)))
}
