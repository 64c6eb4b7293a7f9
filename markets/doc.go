// Package markets is the domain: events of NFT markets, and the orders and records that are
// folded from them. It is pure: it reads no chain and writes no database.
//
// Guarantees:
//   - Decoding (Stream.DecodeAll) loses nothing: each raw event is decoded or comes back as
//     a Failure.
//   - Folds (FoldOrder, FoldRecord) are total and depend on nothing but the events: an event
//     that makes no sense is counted as an anomaly and changes nothing else.
//   - Applying an event that comes after all others to an order gives the fold of all of
//     them. A Transition, forward over a batch or back over the log, therefore leaves each
//     document equal to the fold of what is executed, in whatever order batches arrived.
//   - Amounts are exact, to 256 bits.
//
// The events of an order, by position, make its document. Of a listing of 10 units:
//
//	position  event                            status   filled  paid  anomalies
//	100.0.3   listed, 10 units for 1000        LISTING       0     -          0
//	105.2.9   bought, 4 units for 400          LISTING       4   400          0
//	107.0.1   bought, 6 units for 600          SOLD         10  1000          0
//
// Nothing is assumed. Most orders are signed off chain: without the listing, the two sales
// leave the order PARTIAL, filled 10 of an unknown quantity. What comes later tells:
//
//	the order's terms (a listing whose key fixes them)    SOLD, or LISTING
//	its maker cancels all orders                          CLOSED: sold or cancelled
//	the contract's answer (OrderChecked, a Fact)          SOLD, LISTING or CANCELED
//
// Had the second sale been read before the first, the document would first have been
// {filled: 6, paid: 600}; the event at 105.2.9 is below its last position, and the order is
// folded again from the log: the same document.
package markets
