// Package markettest has the built-in markets for tests.
package markettest

import (
	"testing"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// Mainnet is the market of a name on the main network of its kind, whose chain id is 1.
func Mainnet(t testing.TB, name string) markets.Market {
	t.Helper()
	m, err := catalogue.Market(name, definition.Site{ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
