// Package catalogue knows every market there is a definition of.
package catalogue

import (
	"errors"
	"fmt"
	"strings"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/seaport"
	"github.com/imart/event-worker/markets/tradeport"
)

// ErrUnknown says that there is no market of a name.
var ErrUnknown = errors.New("unknown market")

// All returns every market, by name.
func All() []markets.Market {
	return []markets.Market{seaport.Market(), tradeport.Market()}
}

// Market returns the market of a name. ErrUnknown: there is none.
func Market(name string) (markets.Market, error) {
	var known []string
	for _, m := range All() {
		if m.Name == name {
			return m, nil
		}
		known = append(known, m.Name)
	}
	return markets.Market{}, fmt.Errorf("%w %q: known are %s", ErrUnknown, name, strings.Join(known, ", "))
}
