// Package api is the HTTP server of a worker: it listens, authorises clients, limits their
// requests, and passes them to the routes of other packages: documents in api/resource, the
// feed in api/feed, the page in api/page.
//
// Guarantees:
//   - Without a configured token every client that reaches the listener may read, and none may
//     change anything. With a token every request needs it, except on open routes.
//   - A page of another site cannot change anything and, unless its origin is configured,
//     cannot read anything. On a loopback listener this includes sites whose name resolves to
//     this machine (DNS rebinding).
//   - A client that is slow, or sends too many requests, delays neither other clients nor the
//     worker.
//   - A handler that panics fails only its own request.
//
// A request is checked, in this order, for its Host (host.go), its origin (origin.go), the
// rate of its client (limits.go), its route, its token (access.go), and the number of
// requests in progress (limits.go). Each check refuses it with a Problem.
package api
