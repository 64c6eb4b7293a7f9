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

// Served is the data that the API serves, with or without a worker in the process.
type Served interface {
	persistence.Querier
	persistence.Feed
}

// Access says what a process offers to clients of the API beyond its documents, and how
// much of its time they may take.
type Access struct {
	// Order returns an order as of its last commit, from memory if possible; optional.
	Order func(ctx context.Context, market persistence.MarketRef, key string) (markets.Order, bool, error)
	// Ask sends a request to the owner of a chain.
	Ask func(ctx context.Context, r persistence.Request) error
	// Share is the share of time that reading lists of documents may take; 0: unlimited.
	Share float64
	// Every is the shortest interval at which the same page is read; 0: for each request.
	Every time.Duration
}

// The Every and the Share of a process that follows chains: clients of the same page share a
// read, and reading the lists of a data folder takes the worker's own processor time.
const (
	pageInterval       = 100 * time.Millisecond
	folderPageInterval = 200 * time.Millisecond
	folderShare        = 0.1
)

// AccessOf returns the access to a worker's store.
func AccessOf(store persistence.Store, node *actors.Node) Access {
	a := Access{Order: node.Order, Every: pageInterval}
	if _, folder := store.(*embedded.Store); folder {
		a.Every, a.Share = folderPageInterval, folderShare
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

// ServeAPI serves the page, the API and the feed of data until the API is closed.
func ServeAPI(ctx context.Context, cfg config.API, data Served, access Access, log *slog.Logger) (*API, error) {
	web := page.New(ctx, page.Options{Data: data, Ask: access.Ask, Changes: cfg.Token != "" || cfg.TokenFile != "", Log: log})
	server, err := api.Serve(ctx, api.Options{
		Listen: cfg.Listen, Default: config.DefaultAPI, Token: cfg.Token, TokenFile: cfg.TokenFile,
		Origins: cfg.Origins, Rate: cfg.Rate, TLS: cfg.TLS, Log: log,
		Routes: slices.Concat(
			resource.Routes(resource.Options{Data: data, Order: access.Order, Ask: access.Ask, Share: access.Share, Every: access.Every, Log: log}),
			feed.Routes(feed.Options{Data: data, Log: log}),
			web.Routes(),
		),
	})
	if err != nil {
		web.Close()
		return nil, err
	}
	return &API{server, web}, nil
}

// serveAPI serves the API while the worker runs, unless the configuration disables it.
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

// ask sends a request to the owner of a chain, which may be this process.
func (w *Worker) ask(ctx context.Context, r persistence.Request) error {
	err := w.store.(persistence.RequestQueue).Ask(ctx, []persistence.Request{r}, persistence.AskWithin)
	if err == nil {
		w.requests.Wake()
	}
	return err
}
