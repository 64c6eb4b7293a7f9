// Package facts asks contracts what logs do not tell: how much of an order is filled, and
// whether a buyer could take it now. Most orders are signed off chain; a fill does not say of
// how much it is a part; and a listed token can be moved, or its approval revoked, without any
// event of the market.
//
// Facts are the events of one more stream of a market, state, which Chain reads like a chain
// reads logs. So they go through the log into the documents, are rolled back with a
// reorganisation, and are explained like every event.
//
// Guarantees:
//   - A fact is what the contracts say at the end of its block, asked for by the block's hash,
//     and comes after all logs of the block.
//   - A block's facts are read once the market's other streams are folded up to the block, so
//     that its orders are known.
//   - What the log has executed is read from the log again, and nothing is asked twice: the
//     documents are the fold of the log, whatever crashes in between.
//   - A token's or market's contract that answers nonsense makes its orders unknown. It does
//     not stop the stream.
//
// At block 105 of a market with 10,000 open orders, of which one is of token 7, and one is new:
//
//	the logs of block 105     Transfer of token 7 from Alice; Approval of USDC by Bob
//	open orders they touch    Alice's listing of token 7; Bob's three bids
//	never asked               the new order
//	the slow round            the 20 that were asked longest ago
//	questions                 25 × (getOrderStatus, getCounter, ownerOf, …) in one request
//	events                    Alice's listing: fillable no (owner); the new order: yes
//
// Bob's bids and those of the round are as their documents say: no events.
package facts
