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

// Options are what differs between the chains that a market lives on.
type Options struct {
	// Coin is the symbol of an EVM chain's own coin; ETH if empty.
	Coin string
}

// All returns every market, by name.
func All(o Options) []markets.Market {
	var native []seaport.Option
	if o.Coin != "" {
		native = append(native, seaport.NativeSymbol(o.Coin))
	}
	return []markets.Market{seaport.Market(native...), tradeport.Market()}
}

// Market returns the market of a name. ErrUnknown: there is none.
func Market(name string, o Options) (markets.Market, error) {
	var known []string
	for _, m := range All(o) {
		if m.Name == name {
			return m, nil
		}
		known = append(known, m.Name)
	}
	return markets.Market{}, fmt.Errorf("%w %q: known are %s", ErrUnknown, name, strings.Join(known, ", "))
}
