// Package crashes kills workers at their failpoints, and compares what the survivors make of
// it with a model.
//
// A run follows from its seed: a chain, a story that is told while workers follow it (blocks,
// reorganisations, requests, drains, orderly stops), and one or two failpoints at which a worker is
// killed. Both kills may befall the same worker, the second while it recovers from the first,
// or two workers, the second while it takes the chain over. A killed worker is started again
// at once. In the end the documents must equal those that the chain's blocks make, and so must
// those that a webhook's receiver has made of its deliveries, some of which it has failed:
//
//	seed ──▶ chain, story, kills
//	              │
//	         ┌────▼────┐ starts, restarts, SIGTERM  ┌──────────────────────┐
//	         │  run    ├───────────────────────────▶│ worker a (worker b)  │
//	         └────┬────┘                            └──────────┬───────────┘
//	              │ settled? documents = model?                ▼
//	              ├───────────────────────────────▶ folder or MongoDB database
//	              └───────────────────────────────▶ receiver of the webhook
//
// The failpoints are in testdata, for each kind of store those that any run without kills has
// reached; internal/failpoint says where they come from.
package crashes
