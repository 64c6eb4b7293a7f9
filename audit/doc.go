// Package audit compares a chain's log with the chain: it reads the chain again, from the same
// endpoints or others, decodes what it reads as the worker does, and says which activities and
// dead letters of the log are missing, extra or different.
//
// Guarantees:
//   - Raw events take the worker's way: chains.Chain, package factories, batch.Decode and the
//     stored currencies. Nothing is decoded in another way.
//   - Only what is final on the chain that is read, and what the stream's log has executed, is
//     compared. A worker may go on meanwhile.
//   - A difference is found twice before it is told: the chain is read again, and the log, which
//     must not be rolled back in between.
//   - Memory is bounded by pages, however long the history is.
//   - Documents are compared with the log by the worker's own fold (package explain). One that
//     differs is told once it does in a reading of one state of the data.
//   - Nothing is written.
//
// For example, the log of a stream is at block 120, and block 100 is final:
//
//	block   90         95         100      110      120
//	chain   A     B          C    │
//	log     A     B'              │ D
//
// B' is different from B (its price, say), C is missing, and D is not compared.
package audit
