package seaport

import (
	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// currencies are the currencies whose symbol and decimals are known, by contract. The zero
// address is the chain's own coin.
type currencies map[common.Address]markets.Currency

func newCurrencies(coin markets.Currency) currencies {
	c := currencies{{}: coin}
	for _, known := range []markets.Currency{ // Ethereum mainnet
		{Address: "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", Symbol: "WETH", Decimals: 18},
		{Address: "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", Symbol: "USDC", Decimals: 6},
		{Address: "0xdAC17F958D2ee523a2206206994597C13D831ec7", Symbol: "USDT", Decimals: 6},
		{Address: "0x6B175474E89094C44Da98b954EedeAC495271d0F", Symbol: "DAI", Decimals: 18},
	} {
		c[common.HexToAddress(known.Address)] = known
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
