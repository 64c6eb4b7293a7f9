package commands

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/imart/event-worker/markets"
)

// grouped is a number with a comma before every three digits.
func grouped(n int64) string {
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

// price is an amount of a currency as people write it: 0.0673 ETH.
func price(a markets.Amount, c markets.Currency) string {
	switch {
	case !a.Known():
		return "an unknown price"
	case c.Symbol == "":
		return fmt.Sprintf("%s units of %s", a, short(c.Address))
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

// short is an address that people can tell from others.
func short(address string) string {
	const head, tail = 6, 4
	if len(address) <= head+tail+1 {
		return address
	}
	return address[:head] + "…" + address[len(address)-tail:]
}

// token is a token in words.
func token(e markets.Event) string {
	t := e.Token
	text := short(t.Collection) + " #" + short(t.ID)
	switch {
	case t.Name != "":
		text = fmt.Sprintf("%q", t.Name)
	case t.ID == "":
		text = "a token of " + short(t.Collection)
	case t.Collection == "":
		text = "token " + short(t.ID)
	}
	if len(e.Bundle) > 1 {
		text = fmt.Sprintf("%d items with %s", len(e.Bundle), text)
	} else if e.Quantity.Known() && e.Quantity != "1" {
		text = string(e.Quantity) + " × " + text
	}
	return text
}

// ago is an age in words, of a second at least.
func ago(age time.Duration) string {
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

// some is a number and a noun.
func some(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// quoted is a word as a shell takes it for one.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("/._-", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
