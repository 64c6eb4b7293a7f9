// Package api serves a worker's HTTP API: it listens, decides who may do what, bounds what
// clients may ask, and hands requests to the routes of other packages: documents in
// api/resource, the feed in api/feed, the page in api/page.
//
// Guarantees:
//   - Without a token everybody who reaches the listener may read, and nobody may change
//     anything. With one, every request needs it.
//   - A request of a page of another site changes nothing and, unless its origin is
//     configured, reads nothing.
//   - A client that is slow, or asks too often, holds up no other client and no worker.
package api
