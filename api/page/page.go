// Package page serves the page on which people see what a worker does: its chains and
// actors, orders and their lives, activities, dead letters, requests and webhooks.
//
// The server renders all of it; a browser without JavaScript shows everything but the plots.
// With JavaScript, htmx replaces the parts that change, every two seconds or when the feed tells
// of a change, and uPlot draws the last hour. Both
// are in the folder assets: there is no build step, and the page asks no other server.
//
// It guarantees:
//   - Any process on the database shows all of it: everything is read from the documents.
//   - Whatever a chain, an endpoint or a user has written is shown as text: escaped for HTML,
//     and without characters that are invisible or turn the direction of what follows.
//   - How often the database is read does not grow with the number of viewers, except for
//     what each of them asks for: a list, a filter, an order.
package page

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/persistence"
)

// Options say what is served.
type Options struct {
	Data persistence.Querier
	// Ask makes a request to the owner of a chain; nil if viewers can make none. Its errors are
	// resource.ErrNobody and those of the store.
	Ask func(ctx context.Context, r persistence.Request) error
	// Changes says that viewers may change something: all of them have the token, without
	// which no request reaches the page.
	Changes bool
	Log     *slog.Logger
}

// Page serves the page until it is closed.
type Page struct {
	opts    Options
	watch   *watch
	newest  shared[activityList]
	dead    shared[[]deadHook]
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New starts to watch the documents.
func New(ctx context.Context, o Options) *Page {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &Page{opts: o, watch: newWatch(o.Data, o.Log), cancel: cancel}
	p.running.Go(func() { p.watch.run(ctx) })
	return p
}

// Close stops watching.
func (p *Page) Close() {
	p.cancel()
	p.running.Wait()
}

// The paths of the page.
const (
	root           = "/page/"
	ordersPath     = root + "orders"
	orderPath      = "/order"
	activitiesPath = root + "activities"
	lettersPath    = root + "dead-letters"
	requestsPath   = root + "requests"
	webhooksPath   = root + "webhooks"
	assetsPath     = root + "assets/"
)

// Routes are those of the page.
func (p *Page) Routes() []api.Route {
	get := func(path string, handle handler) api.Route {
		return api.Route{Pattern: "GET " + path, Handler: p.handler(handle)}
	}
	return []api.Route{
		get("/{$}", p.overview),
		get(root+"{$}", p.overview),
		get(root+"history", p.history),
		get(ordersPath, p.orders),
		get(orderPath, p.order),
		get(activitiesPath, p.activities),
		get(lettersPath, p.letters),
		get(requestsPath, p.requests),
		get(webhooksPath, p.webhooks),
		{Pattern: "POST " + lettersPath + "/retry", Handler: p.handler(p.retry), Changes: true},
		{Pattern: "GET /login", Handler: http.HandlerFunc(p.login), Open: true},
		{Pattern: "GET " + assetsPath + "{name}", Handler: http.HandlerFunc(serveAsset), Open: true},
	}
}

// queryTimeout bounds the time that a list may take to be read.
const queryTimeout = 10 * time.Second
