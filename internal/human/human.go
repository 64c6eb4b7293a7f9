// Package human formats numbers, ages and amounts for people.
package human

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Grouped formats a number with commas between groups of three digits: 1,234,567.
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

// Ago formats an age in its largest unit, rounded down: "59 s ago", "3 h ago".
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

// Some formats a count with a noun, in the plural unless it is 1: "1 order", "2,000 orders".
func Some(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Grouped(n) + " " + noun + "s"
}

// Units formats an amount given in the smallest unit, as decimal digits:
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

// Short abbreviates an address to its first 6 and last 4 characters.
func Short(address string) string {
	const head, tail = 6, 4
	if len(address) <= head+tail+1 {
		return address
	}
	return address[:head] + "…" + address[len(address)-tail:]
}
