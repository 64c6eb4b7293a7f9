package worker

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/api/feed"
	"github.com/imart/event-worker/api/page"
	"github.com/imart/event-worker/api/resource"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// Served is what the API serves, whether a worker runs in the process or not.
type Served interface {
	persistence.Querier
	persistence.Feed
}

// Access is what a process can do for clients of the API beyond reading documents.
type Access struct {
	// Order returns an order as of its last commit, from memory if it is there; optional.
	Order func(ctx context.Context, market persistence.MarketRef, key string) (markets.Order, bool, error)
	// Ask makes a request to the owner of a chain.
	Ask func(ctx context.Context, r persistence.Request) error
	// Share is the share of the time that lists of documents may take; 0: all.
	Share float64
	// Every is how often the same page is read at most; 0: for each request.
	Every time.Duration
}

// shareOfFolder is that of lists in a process that follows chains into a data folder: they are
// read whole, by the worker's processors.
const shareOfFolder = 0.1

// everyBeside is how often a process that follows chains reads the same page: clients that all
// ask for the same wait for a moment, and the worker does not.
const everyBeside = 50 * time.Millisecond

// AccessOf is the access to a worker's store.
func AccessOf(store persistence.Store, node *actors.Node) Access {
	a := Access{Order: node.Order, Every: everyBeside}
	if _, folder := store.(*embedded.Store); folder {
		a.Share = shareOfFolder
	}
	return a
}

// API is a server of the page, the API and the feed.
type API struct {
	*api.Server
	page *page.Page
}

// Close stops serving, and waits up to 2 seconds for requests in progress.
func (a *API) Close() error {
	err := a.Server.Close()
	a.page.Close()
	return err
}

// ServeAPI serves the page, the API and the feed of data.
func ServeAPI(ctx context.Context, cfg config.API, data Served, access Access, log *slog.Logger) (*API, error) {
	shown := page.New(ctx, page.Options{Data: data, Ask: access.Ask, Changes: cfg.Token != "" || cfg.TokenFile != "", Log: log})
	server, err := api.Serve(ctx, api.Options{
		Listen: cfg.Listen, Default: config.DefaultAPI, Token: cfg.Token, TokenFile: cfg.TokenFile,
		Origins: cfg.Origins, Rate: cfg.Rate, TLS: cfg.TLS, Log: log,
		Routes: slices.Concat(
			resource.Routes(resource.Options{Data: data, Order: access.Order, Ask: access.Ask, Share: access.Share, Every: access.Every, Log: log}),
			feed.Routes(feed.Options{Data: data, Log: log}),
			shown.Routes(),
		),
	})
	if err != nil {
		shown.Close()
		return nil, err
	}
	return &API{server, shown}, nil
}

// serveAPI serves the API while the worker runs, unless it is switched off.
func (w *Worker) serveAPI(ctx context.Context) error {
	if w.opts.Config.API.Off || w.opts.Once {
		return nil
	}
	access := AccessOf(w.store, w.node)
	access.Ask = w.ask
	server, err := ServeAPI(ctx, w.opts.Config.API, w.store, access, w.log)
	if err != nil {
		return err
	}
	w.onStop(func(context.Context) error {
		_ = server.Close()
		return nil
	})
	w.page = server.URL()
	w.log.Info("page and API", "address", w.page)
	return nil
}

// ask makes a request to the owner of a chain, which may be this process.
func (w *Worker) ask(ctx context.Context, r persistence.Request) error {
	err := w.store.(persistence.RequestQueue).Ask(ctx, []persistence.Request{r}, persistence.AskWithin)
	if err == nil {
		w.requests.Wake()
	}
	return err
}
