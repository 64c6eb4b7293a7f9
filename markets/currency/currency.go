// Package currency is what is known of currencies without asking a chain: the symbols and
// decimals of the best known, and how their addresses are spelled.
//
// It guarantees:
//   - WellKnown has no currency of another chain.
//   - Canonical gives every spelling of an address the same text, and refuses what cannot be
//     the address of a currency on a chain of the kind.
//
// For example, an event of Aptos may name its own coin in either of two forms:
//
//	0x1::aptos_coin::AptosCoin    the coin
//	0xa                           the fungible asset
//
// WellKnown has both, as APT with 8 decimals. Canonical spells them with 64 digits.
package currency

import (
	"slices"

	"github.com/imart/event-worker/markets"
)

// AptosCoin is the coin of Aptos.
var AptosCoin = markets.Currency{Address: "0x1::aptos_coin::AptosCoin", Symbol: "APT", Decimals: 8}

// aptosCoins are the spellings of the coin of Aptos, as a coin and as a fungible asset
// (AIP-63).
var aptosCoins = []string{
	AptosCoin.Address,
	"0x0000000000000000000000000000000000000000000000000000000000000001::aptos_coin::AptosCoin",
	"0xa",
	"0x000000000000000000000000000000000000000000000000000000000000000a",
}

// wellKnown are currencies of EVM chains, by the chain's id.
var wellKnown = map[uint64][]markets.Currency{
	1: {
		{Address: "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", Symbol: "WETH", Decimals: 18},
		{Address: "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", Symbol: "USDC", Decimals: 6},
		{Address: "0xdAC17F958D2ee523a2206206994597C13D831ec7", Symbol: "USDT", Decimals: 6},
		{Address: "0x6B175474E89094C44Da98b954EedeAC495271d0F", Symbol: "DAI", Decimals: 18},
	},
}

// WellKnown are the best known currencies of a chain, its own coin on EVM chains aside. A
// currency with several spellings is there with each.
func WellKnown(kind markets.ChainKind, chainID uint64) []markets.Currency {
	if kind != markets.Aptos {
		return slices.Clone(wellKnown[chainID])
	}
	out := make([]markets.Currency, len(aptosCoins))
	for i, address := range aptosCoins {
		out[i] = AptosCoin
		out[i].Address = address
	}
	return out
}
