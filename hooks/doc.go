// Package hooks delivers the changes of a feed to webhooks: it posts signed events as JSON, in
// order, to the URLs of receivers.
//
// Guarantees for each hook:
//   - Every event after the hook's first start is delivered at least once, in commit order, or
//     kept in a dead hook. Deliveries with the same id have the same events, so a receiver
//     that ignores known ids gets every event exactly once, even if processes crash or take
//     over.
//   - Only the process with the hook's lease delivers. Its claim has an epoch: a process whose
//     lease was taken over cannot change the hook's position.
//   - An unavailable receiver delays only its own hook, and only for a bounded time: then the
//     delivery becomes a dead hook, and the next ones follow.
//   - If the feed no longer has the events after the position, the receiver gets an event of
//     type gone, and the hook continues at the end of the feed.
//   - Logs and documents contain neither the secret nor the URL, only its scheme and host.
//
// For example, a hook at position 7 that selects activities:
//
//	document of the hook            position 7
//	the feed has 8, 9, 10           8 and 10 are activities
//	the plan is stored              position 7, plan 7 → 10
//	POST, its id made of 7 → 10     503: retried after 1 s, 2 s, 4 s…
//	the process is killed           another one claims the hook: epoch + 1
//	POST of 7 → 10, the same id     200
//	the move is stored              position 10
package hooks
