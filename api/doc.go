// Package api serves a worker's HTTP API: it listens, decides who may do what, bounds what
// clients may ask, and hands requests to the routes of other packages: documents in
// api/resource, the feed in api/feed, the page in api/page.
//
// Guarantees:
//   - Without a token everybody who reaches the listener may read, and nobody may change
//     anything. With one, every request needs it, except on open routes.
//   - A request of a page of another site changes nothing and, unless its origin is
//     configured, reads nothing. On a loopback listener that includes sites whose name was
//     made to point at this machine (DNS rebinding).
//   - A client that is slow, or asks too often, holds up no other client and no worker.
//   - A handler that panics fails its own request only.
//
// A request passes, in this order: the name of the host (host.go), CORS (origin.go), the rate
// of its client (limits.go), its route, the token (access.go), and the number of requests
// in progress (limits.go). What refuses it answers with a Problem.
package api
