// Package human writes numbers, ages and amounts as people read them.
package human

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Grouped is a number with a comma before every three digits.
func Grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// Ago is an age in words, of a second at least.
func Ago(age time.Duration) string {
	switch {
	case age < time.Minute:
		return fmt.Sprintf("%d s ago", int(age.Seconds()))
	case age < time.Hour:
		return fmt.Sprintf("%d min ago", int(age.Minutes()))
	case age < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(age.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(age.Hours()/24))
}

// Some is a number and a noun.
func Some(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Grouped(n) + " " + noun + "s"
}

// Units is an amount of smallest units, in decimal digits, with the point at its place:
// "67300000000000000" with 18 decimals is 0.0673.
func Units(digits string, decimals int) string {
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
