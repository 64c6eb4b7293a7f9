package definition

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/imart/event-worker/markets"
)

// Number is a whole number in an expression. It is immutable.
type Number struct{ n *big.Int }

// maxBits bounds numbers: what no amount can be is not worth counting on.
const maxBits = 512

var errTooLarge = fmt.Errorf("a number of more than %d bits", maxBits)

func numberOf(n int) Number { return Number{big.NewInt(int64(n))} }

func (a Number) String() string { return a.n.String() }

// amount is the number as an amount.
func (a Number) amount() (markets.Amount, error) {
	if a.n.Sign() < 0 || a.n.BitLen() > 256 {
		return "", fmt.Errorf("%.90s is no amount: those are from 0 to 2^256-1", a)
	}
	return markets.Amount(a.n.String()), nil
}

// numeric is a value of an expression that is a whole number.
func numeric(value any) (Number, bool) {
	switch value := value.(type) {
	case Number:
		return value, true
	case int:
		return numberOf(value), true
	}
	return Number{}, false
}

// parseNumber reads decimal digits, with or without sign, or 0x and hex digits.
func parseNumber(text string) (Number, error) {
	digits, base := text, 10
	if hex, ok := strings.CutPrefix(text, "0x"); ok {
		digits, base = hex, 16
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok || len(digits) > 200 || strings.Contains(digits, "_") {
		return Number{}, fmt.Errorf("%.80q is no whole number", text)
	}
	return bounded(n)
}

func bounded(n *big.Int) (Number, error) {
	if n.BitLen() > maxBits {
		return Number{}, errTooLarge
	}
	return Number{n}, nil
}

var errZero = errors.New("division by 0")

// arithmetic are the operators that give numbers.
var arithmetic = map[string]func(a, b *big.Int) (*big.Int, error){
	"+": func(a, b *big.Int) (*big.Int, error) { return new(big.Int).Add(a, b), nil },
	"-": func(a, b *big.Int) (*big.Int, error) { return new(big.Int).Sub(a, b), nil },
	"*": func(a, b *big.Int) (*big.Int, error) { return new(big.Int).Mul(a, b), nil },
	"/": func(a, b *big.Int) (*big.Int, error) {
		if b.Sign() == 0 {
			return nil, errZero
		}
		return new(big.Int).Quo(a, b), nil
	},
	"%": func(a, b *big.Int) (*big.Int, error) {
		if b.Sign() == 0 {
			return nil, errZero
		}
		return new(big.Int).Rem(a, b), nil
	},
}

// comparisons are the operators that compare numbers, given how they compare.
var comparisons = map[string]func(order int) bool{
	"==": func(order int) bool { return order == 0 },
	"!=": func(order int) bool { return order != 0 },
	"<":  func(order int) bool { return order < 0 },
	"<=": func(order int) bool { return order <= 0 },
	">":  func(order int) bool { return order > 0 },
	">=": func(order int) bool { return order >= 0 },
}

// decimals is a decimal fraction's value in units of 10^-places: wei and its like.
func decimals(text string, places int) (Number, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	if places < 0 || places > 77 || len(fraction) > places {
		return Number{}, fmt.Errorf("%.80q has more than %d decimals", text, places)
	}
	return parseNumber(whole + fraction + strings.Repeat("0", places-len(fraction)))
}
