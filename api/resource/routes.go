// Package resource serves documents as JSON: orders, activities, records, actors and others,
// as lists by filter and sort, and one by one by their keys. It also takes requests to the
// owners of chains, and describes itself (OpenAPI 3.1).
//
// Guarantees:
//   - A document is what `event-worker query` prints, byte for byte.
//   - Pages neither repeat nor leave out a document whose sort values did not change while
//     the pages were read, and that matched the filter all the time (page.go).
//   - What a client sends is checked before anything is read: unknown parameters, fields and
//     words are errors that name what was probably meant.
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

// Options say what is served.
type Options struct {
	// Data is what is served. If it is a persistence.Feed, lists say up to where they have
	// its changes.
	Data persistence.Querier
	// Order returns an order as of its last commit, from memory if it is there; optional.
	Order func(ctx context.Context, market persistence.MarketRef, key string) (markets.Order, bool, error)
	// Ask makes a request to the owner of a chain; optional. Its errors are ErrNobody and those
	// of the store.
	Ask func(ctx context.Context, r persistence.Request) error
	// Share is the share of the time that lists may take, if they take it from a worker in the
	// same process; 0: all.
	Share float64
	// Every is how often the same page is read at most; 0: for each request.
	Every time.Duration
	Log   *slog.Logger
}

// Served are the names of the collections that are served, each at its path. Signed orders are
// not: others insert them, with keys of any type, which nothing can be sorted by.
var Served = []string{
	persistence.Orders, persistence.Activities, persistence.Records, persistence.Notifications, persistence.DeadLetters,
	persistence.Currencies, persistence.MetadataDocs, persistence.Actors, persistence.Leases, persistence.Nodes, persistence.Requests,
}

// Routes are those of the package.
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
	lists, keys queue // separate, as a key is quickly found
	shared      *shared
	complain    rate.Sometimes // of a store that does not answer
}
