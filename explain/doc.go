// Package explain reports how an order came to its current state: every event and fact of
// its log, the fields that each one changed, and what was ignored and why.
//
// An explanation uses the same fold that produces the documents (markets.Folding) and
// observes it event by event. The last step therefore yields the stored order; if it does
// not, the Explanation lists the differences.
//
// Guarantees:
//   - Applying all changes in order to empty Fields yields the order. Every change of a
//     field belongs to a step.
//   - The order and its log are consistent, even if the worker writes concurrently: both
//     are read until two consecutive readings agree.
//   - Events that the log has and the order does not reflect yet, because the order's
//     observers are behind, are listed separately. They are not differences.
package explain
