package cli

import (
	"fmt"

	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/markets"
)

// Price formats an amount of a currency: 0.0673 ETH.
func Price(a markets.Amount, c markets.Currency) string {
	switch {
	case !a.Known():
		return "an unknown price"
	case c.Symbol == "":
		return fmt.Sprintf("%s units of %s", a, human.Short(c.Address))
	}
	return human.Units(string(a), c.Decimals) + " " + c.Symbol
}
