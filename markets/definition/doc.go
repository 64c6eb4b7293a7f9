// Package definition reads market definitions: YAML files that say which contracts or
// modules a market has, which events, and how their fields become market events. The
// format is described in docs/definitions.md.
//
// Guarantees:
//   - All problems of a file are reported together, each with its line and column. A
//     definition without problems decodes: names and types were checked when it was read.
//   - Decoding is deterministic: the same raw events give the same market events.
//   - Each raw event is decoded or comes back as a failure that says why. Nothing panics,
//     and the work that one raw event can cause is bounded.
//
// How a definition becomes market events (and where):
//
//	text ─Parse─▶ Definition ─On(Site)─▶ markets.Market ─Stream.Decode─▶ market events
//	     yaml, parse, streams, outcome  site           bound, decode, event, fields
//
// With the outcome {kind: bought, order: id, price: price * quantity, currency: coin} the
// log Sold(id: 7, quantity: 2, price: 5) becomes {kind: "bought", order: "7", price: "10"}
// and the coin of its chain.
//
// Below it are the packages of expressions (internal/expression), of what EVM contracts and
// Move modules declare and log (internal/solidity, internal/move), and draft, which drafts
// definitions.
package definition
