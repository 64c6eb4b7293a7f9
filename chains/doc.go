// Package chains hides what differs between blockchains: where the head and finality are,
// how a stream's events are read, and what a reorganisation is.
//
// There are two kinds of chain, [evm] and [aptos]. They share the pool of endpoints
// (internal/endpoint): rates, failover, and the table of what providers say when they refuse
// (internal/endpoint/refusals.go, the file to change for a new error message).
//
// # How the actors use a Chain
//
//	view, err = chain.Advance(ctx, view)                           // is there a new head?
//	place, ok, err = chain.Ancestor(ctx, view, trail, final)       // after a reorganisation: how far back?
//	page, err = chain.Read(ctx, view, source, place, -1, limit)    // the next events, and the place they lead to
//
// Chains whose contracts can be asked are a [Caller], too; see CallerOf.
//
// A place is committed together with its page's events, so Read may be repeated, and a page
// may be short, but it must never skip anything: what lies before Page.To is not read again.
//
// # How to write one more kind of chain
//
//  1. Name it in package markets (markets.ChainKind) and say what identifies its events
//     (markets.Source) and a position (markets.Place: Seq orders a stream's events; Hash is
//     the block's, where there are reorganisations; Through is the ledger version up to which
//     there is nothing more, where there are none).
//  2. Implement [Chain] in a package of its own, with a Config of defaults and New, which asks
//     nothing of the endpoints yet. Ask through an endpoint.Pool and return the sentinels of
//     this package (errors.Is decides what the actors do).
//  3. Advance: return known itself when nothing is new. A lower head is a lagging node until
//     parent hashes prove a reorganisation; a block below finality is given up on confirmation
//     alone (ErrFinality until then). Verify the chain's id with each answer that decides this.
//  4. Read: above finality read by block hash. Believe an empty answer only if the same
//     endpoint has proved that it has the blocks asked for; shrink what is refused for its
//     size and let it grow again; share requests, so that their number does not grow with the
//     number of streams; keep what was answered when something beside it fails.
//  5. Ancestor: walk the trail back to the newest place that is still on the chain.
//  6. Bound everything untrusted: bytes (chains.Budget), depth, counts, time. Errors name the
//     host, never the URL.
//  7. Wire it: config (options, roles), worker (newChain in chains.go), and a decoder for its
//     events in markets.
//  8. Prove it: replay of recorded data (chains/replay), a node that lies and fails
//     (chains/faults), and a property test that the documents equal the chain after any mining
//     and reorganising (chains/faults/histories).
//
// [evm]: https://pkg.go.dev/github.com/imart/event-worker/chains/evm
// [aptos]: https://pkg.go.dev/github.com/imart/event-worker/chains/aptos
package chains
