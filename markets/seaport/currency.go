package seaport

import (
	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// currencies are the currencies whose symbol and decimals are known, by contract. The zero
// address is the chain's own coin.
type currencies map[common.Address]markets.Currency

func newCurrencies(known []markets.Currency) currencies {
	c := currencies{}
	for _, k := range known {
		c[common.HexToAddress(k.Address)] = k
	}
	return c
}

// of is the currency of a contract. One that is not known has only its address.
func (c currencies) of(address common.Address) markets.Currency {
	if known, ok := c[address]; ok {
		return known
	}
	return markets.Currency{Address: address.Hex()}
}
