// Package audit compares a chain's log with the chain. It reads the chain again, from the
// same or other endpoints, decodes it as the worker does, and reports which activities and
// dead letters of the log are missing, extra or different.
//
// Guarantees:
//   - Raw events are processed by the worker's own code: chains.Chain, package factories,
//     batch.Decode and the stored currencies.
//   - Only events that are final on the chain being read and up to the place of the
//     stream's log are compared. A worker may run concurrently.
//   - A difference is reported only after it was found twice: the chain is read again, and
//     then the log, which must not be rolled back in between.
//   - Memory does not grow with the history: it is read in pages.
//   - Documents are compared with the fold of their log (package explain). A difference is
//     reported only if it is found in a consistent state of both.
//   - Nothing is written.
//
// For example, the log of a stream is at block 120, and block 100 is final:
//
//	block   90         95         100      110      120
//	chain   A     B          C    │
//	log     A     B'              │ D
//
// B' is different from B (in its price, say), C is missing, and D is not compared.
package audit
