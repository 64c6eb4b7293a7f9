// Package hooks delivers the changes of a feed to webhooks: URLs of others, to which events are
// posted as JSON, in order and signed.
//
// Guarantees, of each hook:
//   - Every event after the hook's first start is delivered at least once, in the order of the
//     commits, or is in a dead hook. A delivery with the same id has the same events, so that a
//     receiver that ignores the ids it has seen gets every event exactly once, whichever
//     processes crash or take over.
//   - One process delivers at a time: the one with the hook's lease. Its claim has an epoch, and
//     a process whose lease was taken over moves the hook's position neither forth nor back.
//   - A receiver that is away holds up its own hook only, for a bounded time: then the delivery
//     becomes a dead hook, and the next ones follow.
//   - If the feed no longer has the events after the position, the receiver is told so by an
//     event of the type gone, and the hook continues with what comes then.
//   - Neither the secret nor the URL, of which only the host is shown, is in a log or a document.
//
// For example, of a hook that is at position 7 and wants activities:
//
//	the document of the hook        position 7
//	the feed has 8, 9, 10           of which 8 and 10 are activities
//	the plan is written down        position 7, plan 7 → 10
//	POST, its id made of 7 → 10     503: again after 1 s, 2 s, 4 s…
//	the process is killed           another one claims the hook: epoch + 1
//	POST of 7 → 10, the same id     200
//	the move is written down        position 10
package hooks
