package cli

import (
	"fmt"
	"strings"

	"github.com/imart/event-worker/markets"
)

// Price is an amount of a currency as people write it: 0.0673 ETH.
func Price(a markets.Amount, c markets.Currency) string {
	switch {
	case !a.Known():
		return "an unknown price"
	case c.Symbol == "":
		return fmt.Sprintf("%s units of %s", a, Short(c.Address))
	}
	return units(a, c.Decimals) + " " + c.Symbol
}

// units is an amount of smallest units with the point at its place.
func units(a markets.Amount, decimals int) string {
	digits := string(a)
	if decimals <= 0 {
		return digits
	}
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	whole, fraction := digits[:len(digits)-decimals], strings.TrimRight(digits[len(digits)-decimals:], "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// Short is an address that people can tell from others.
func Short(address string) string {
	const head, tail = 6, 4
	if len(address) <= head+tail+1 {
		return address
	}
	return address[:head] + "…" + address[len(address)-tail:]
}
