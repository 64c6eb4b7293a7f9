// Package factories reads the logs of contracts that other contracts announce: the pairs or
// collections that a factory creates, whose addresses no definition can list.
//
// The node is asked for a stream's topics from any contract. Chain, which stands between a node
// and the actors, leaves out the logs of contracts that were not announced before. Every
// announcement is an entry of the stream's own log, so the announced contracts as of a place
// are those that the log has up to there, and go with a rollback.
//
// Guarantees:
//   - A log is read if and only if its contract was announced at an earlier position of the same
//     branch, in the same block or transaction too.
//   - The contracts known at a place depend only on its branch: not on pages read ahead,
//     other observers' places, abandoned branches, restarts or other nodes.
//   - A place whose contracts cannot be told yet, as the log is elsewhere, is read later.
//   - Memory holds each announced contract about twice. Pages without announcements share
//     their contracts.
//
// A stream whose log is at block 100, with the pairs A and B:
//
//	read after 100   from the log: A, B       block 101: pair C, C trades, D trades
//	page to 101      known: A, B, C           D was not announced: left out
//	read after 101   from memory: A, B, C     although the log is still at 100
//	block 101'       replaces 101             read after 100: A, B; C is not known at 101'
//
// Contracts that were announced before the stream's first block are not known and not read.
package factories
