package evm

import "time"

// Preset is what is known of a network, so that its configuration need not say it.
type Preset struct {
	Name      string
	Coin      string        // the symbol of its own coin
	BlockTime time.Duration // between two blocks, about
	Poll      time.Duration // how often to look for a new head

	// Confirmations counts where the node does not say which block is final.
	Confirmations int64
	// MaxUnfinal is how many blocks above finality are followed by hash.
	MaxUnfinal int64
	// IncompleteBlooms says that some blocks have logs that are not in their blooms:
	// that a log is not in the bloom proves nothing.
	IncompleteBlooms bool
}

// PresetOf returns what is known of the network with a chain id.
func PresetOf(chainID uint64) (Preset, bool) {
	preset, known := presets[chainID]
	return preset, known
}

// presets are by chain id. Ids and coins are those of ethereum-lists/chains
// (_data/chains/eip155-*.json). All of these networks have the tag "finalized", so that
// Confirmations is for nodes and proxies without it. Finality of most layer 2 chains lies
// further back than MaxUnfinal, minutes against the quarter of an hour that Ethereum
// takes: following by hash costs a header a block, and sequencers do not take back blocks
// that old but by accident.
//
// Sources of the rest:
//   - Ethereum: 12 s a slot, final after two epochs of 32 slots (ethereum.org,
//     "Single slot finality": about 15 minutes).
//   - BNB Smart Chain: 0.45 s since the Fermi upgrade, mainnet on 2026-01-14, testnet on
//     2025-11-10 (docs.bnbchain.org/announce/fermi-bsc). Final two blocks behind the head in
//     most cases (BEP-126). 15 confirmations, which is older advice than shorter blocks and
//     could not be verified, are scaled to their former 45 s.
//   - Polygon: 2 s a block, and PIP-11: milestones make blocks final within seconds; before
//     them about 512 blocks, a checkpoint, were waited for. Logs of state syncs are not in
//     the header's bloom: block 79,061,984 has 10 logs and an empty one
//     (l2beat/l2beat#10113); for logs themselves see 0xPolygon/bor#432 and #519.
//   - opBNB: 250 ms since the Fourier upgrade, mainnet on 2026-01-07, testnet on 2025-11-06
//     (docs.bnbchain.org/announce/fourier-opbnb); it settles on BNB Smart Chain, final 30 to
//     50 s behind the head (dev.to/swiftnodes, "opBNB RPC").
//   - zkSync Era: about 1 s a block, not verified. Final with its batch on layer 1, hours
//     later (matter-labs.github.io/zksync-era, "Batches & L2 blocks"). Blooms were all zero
//     before matter-labs/zksync-era#2633 of August 2024, and some providers went on serving
//     them so (across-protocol/relayer#1789).
//   - Arbitrum: 250 ms a block; "safe" and "finalized" are those of the batch on layer 1
//     (OffchainLabs/nitro v2.0.10, docs.arbitrum.io "Finality and chain reorganizations").
//   - Optimism: 2 s a block (docs.chainstack.com, "Flashblocks on Optimism"), final after 20
//     to 30 minutes (ethereum-optimism/docs, transaction-finality).
//   - Base: 200 ms since the Denim upgrade, mainnet on 2026-11-05, Sepolia on 2026-10-21
//     (docs.chainstack.com/docs/base-denim-200ms-blocks); finality as Optimism's.
//
// That the blooms of the others hold all logs is the protocol's rule (Yellow Paper 4.3), not
// measured. Block times of the test networks are taken to be those of their main networks,
// where no date is given above.
var presets = map[uint64]Preset{
	1:        {Name: "ethereum", Coin: "ETH", BlockTime: 12 * time.Second, Poll: 5 * time.Second, Confirmations: 64, MaxUnfinal: 1024},
	11155111: {Name: "ethereum sepolia", Coin: "ETH", BlockTime: 12 * time.Second, Poll: 5 * time.Second, Confirmations: 64, MaxUnfinal: 1024},
	560048:   {Name: "ethereum hoodi", Coin: "ETH", BlockTime: 12 * time.Second, Poll: 5 * time.Second, Confirmations: 64, MaxUnfinal: 1024},

	56: {Name: "bsc", Coin: "BNB", BlockTime: 450 * time.Millisecond, Poll: time.Second, Confirmations: 100, MaxUnfinal: 1024},
	97: {Name: "bsc testnet", Coin: "tBNB", BlockTime: 450 * time.Millisecond, Poll: time.Second, Confirmations: 100, MaxUnfinal: 1024},

	137:   {Name: "polygon", Coin: "POL", BlockTime: 2 * time.Second, Poll: time.Second, Confirmations: 512, MaxUnfinal: 1024, IncompleteBlooms: true},
	80002: {Name: "polygon amoy", Coin: "POL", BlockTime: 2 * time.Second, Poll: time.Second, Confirmations: 512, MaxUnfinal: 1024, IncompleteBlooms: true},

	204:  {Name: "opbnb", Coin: "BNB", BlockTime: 250 * time.Millisecond, Poll: time.Second, Confirmations: 1024, MaxUnfinal: 1024},
	5611: {Name: "opbnb testnet", Coin: "tBNB", BlockTime: 250 * time.Millisecond, Poll: time.Second, Confirmations: 1024, MaxUnfinal: 1024},

	324: {Name: "zksync", Coin: "ETH", BlockTime: time.Second, Poll: time.Second, Confirmations: 1024, MaxUnfinal: 1024, IncompleteBlooms: true},
	300: {Name: "zksync sepolia", Coin: "ETH", BlockTime: time.Second, Poll: time.Second, Confirmations: 1024, MaxUnfinal: 1024, IncompleteBlooms: true},

	42161:  {Name: "arbitrum", Coin: "ETH", BlockTime: 250 * time.Millisecond, Poll: time.Second, Confirmations: 1024, MaxUnfinal: 1024},
	421614: {Name: "arbitrum sepolia", Coin: "ETH", BlockTime: 250 * time.Millisecond, Poll: time.Second, Confirmations: 1024, MaxUnfinal: 1024},

	10:       {Name: "optimism", Coin: "ETH", BlockTime: 2 * time.Second, Poll: time.Second, Confirmations: 900, MaxUnfinal: 1024},
	11155420: {Name: "optimism sepolia", Coin: "ETH", BlockTime: 2 * time.Second, Poll: time.Second, Confirmations: 900, MaxUnfinal: 1024},

	8453:  {Name: "base", Coin: "ETH", BlockTime: 200 * time.Millisecond, Poll: time.Second, Confirmations: 1024, MaxUnfinal: 1024},
	84532: {Name: "base sepolia", Coin: "ETH", BlockTime: 200 * time.Millisecond, Poll: time.Second, Confirmations: 1024, MaxUnfinal: 1024},
}
