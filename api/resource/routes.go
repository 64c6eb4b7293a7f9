// Package resource serves documents as JSON: orders, activities, records, actors and others,
// in lists with a filter and a sort order, and individually by _id. It also accepts requests
// to the owners of chains, and serves its own description (OpenAPI 3.1).
//
// Guarantees:
//   - A document equals the output of `event-worker query`, byte for byte.
//   - Pages neither repeat nor omit a document that matches the filter, and whose sort values
//     stay the same, while the pages are read (persistence/paging).
//   - Input is validated before data are read: errors for unknown parameters, fields and
//     values suggest the probable spelling.
//
// For example, GET /orders?filter={status:"LISTING"}&sort=-listedAt&limit=2 answers
//
//	Feed-Position: 8266F0…
//	Link: </orders?cursor=eyJ…&filter=…&limit=2&sort=-listedAt>; rel="next"
//
//	{"data":[{"_id":"ethereum/seaport/0x…", …}, {…}],"next":"eyJ…"}
package resource

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Options configure the routes.
type Options struct {
	// Data are the documents. If they are also a persistence.Feed, lists have a position of it.
	Data persistence.Querier
	// Order returns an order as of its last commit, from memory if possible; optional.
	Order func(ctx context.Context, market persistence.MarketRef, key string) (markets.Order, bool, error)
	// Ask stores a request to the owner of a chain; optional. Its errors are ErrNobody and
	// those of the store.
	Ask func(ctx context.Context, r persistence.Request) error
	// Share is the share of the time that lists may take, from 0 to 1, if they compete with a
	// worker in the same process; 0: no limit.
	Share float64
	// Every is the minimum interval between two queries of the same page; 0: each request has
	// its own query.
	Every time.Duration
	Log   *slog.Logger
}

// Served are the names of the served collections, each at the path of its name. Signed orders
// are excluded: other programs insert them with _ids of any type, which cannot be sorted.
var Served = []string{
	persistence.Orders, persistence.Activities, persistence.Records, persistence.Notifications, persistence.DeadLetters,
	persistence.Currencies, persistence.MetadataDocs, persistence.Actors, persistence.Leases, persistence.Nodes, persistence.Requests,
}

// Routes returns the routes of the package.
func Routes(o Options) []api.Route {
	s := &server{Options: o, now: newMoment(o.Data), lists: newQueue(o.Share), keys: newQueue(0), shared: newShared(o.Every), complain: rate.Sometimes{First: 1, Interval: 10 * time.Second}}
	var routes []api.Route
	for _, name := range Served {
		of := documents.Of(name)
		routes = append(routes,
			api.Route{Pattern: "GET /" + name, Handler: s.list(of)},
			api.Route{Pattern: "GET /" + name + "/{id...}", Handler: s.one(of)},
		)
	}
	return append(routes,
		api.Route{Pattern: "POST /" + persistence.Requests, Handler: http.HandlerFunc(s.ask), Changes: true},
		api.Route{Pattern: "GET /openapi.json", Handler: http.HandlerFunc(serveOpenAPI)},
	)
}

// server answers the requests.
type server struct {
	Options
	now         moment
	lists, keys queue // separate, since queries by key are fast
	shared      *shared
	complain    rate.Sometimes // limits log messages about an unavailable store
}
