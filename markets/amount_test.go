package markets

import (
	"math/big"

	"github.com/holiman/uint256"
)

func maxAmount() *uint256.Int { return new(uint256.Int).SetAllOne() }

func bigOf(a Amount) *big.Int {
	v, ok := new(big.Int).SetString(string(a), 10)
	if !ok {
		panic("no number: " + a)
	}
	return v
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
