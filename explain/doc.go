// Package explain tells why an order is what it is: every event and fact of its log, what each
// changed in which field, and what was ignored and why.
//
// Nothing is computed a second time: the log is folded by the fold that makes the documents
// (markets.Folding), which is watched event by event. So the last step leaves the order that is
// stored, and an Explanation says if it does not.
//
// Guarantees:
//   - Changes, applied step by step to no fields at all (Apply), give the order; no field
//     changes without a step that says so.
//   - The order and its log are of one state of the data, while the worker writes: they are
//     read until two readings agree.
//   - What the log has and the order does not have yet, because the order's observers are
//     behind, is told apart and is no difference.
package explain
