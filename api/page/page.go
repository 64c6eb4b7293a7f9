// Package page serves the web page that shows people the state of a worker: its chains and
// actors, orders and their histories, activities, dead letters, requests and webhooks.
//
// The server renders all of it; a browser without JavaScript shows everything except the
// plots. With JavaScript, htmx replaces the parts that change, every two seconds or when
// the feed has a change, and uPlot draws the last hour. Both are in the folder assets:
// there is no build step, and the page loads nothing from other servers.
//
// Guarantees:
//   - Every process on a database shows the whole database: all content is read from documents.
//   - Text from chains, endpoints and users is shown as text: escaped for HTML, and without
//     invisible characters and characters that change the direction of text.
//   - The load on the database does not grow with the number of viewers, except for individual
//     lists, filters and orders.
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

// Options configure a page.
type Options struct {
	Data persistence.Querier
	// Ask makes a request to the owner of a chain; nil if this process cannot make requests.
	// Its errors are resource.ErrNobody and those of the store.
	Ask func(ctx context.Context, r persistence.Request) error
	// Changes permits viewers to make changes. Set it only if no request reaches the page
	// without the token.
	Changes bool
	Log     *slog.Logger
}

// Page serves the page until it is closed. It is safe for concurrent use.
type Page struct {
	opts    Options
	watch   *watch
	newest  shared[activityList]
	dead    shared[[]deadHook]
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New starts watching the documents. The page keeps running after ctx ends, until Close.
func New(ctx context.Context, o Options) *Page {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &Page{opts: o, watch: newWatch(o.Data, o.Log), cancel: cancel}
	p.running.Go(func() { p.watch.run(ctx) })
	return p
}

// Close stops watching the documents, and waits until that has ended.
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

// Routes returns the routes of the page.
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

// queryTimeout limits the time to answer a request.
const queryTimeout = 10 * time.Second
