package worker

import (
	"context"
	"log/slog"

	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/api/feed"
	"github.com/imart/event-worker/api/page"
	"github.com/imart/event-worker/api/resource"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/persistence"
)

// Served is what the API serves, whether a worker runs in the process or not.
type Served interface {
	persistence.Querier
	persistence.Feed
}

// ServeAPI serves the page, the API and the feed of data. Docs say how documents are served
// beyond that, without their data and log.
func ServeAPI(ctx context.Context, cfg config.API, data persistence.Querier, docs resource.Options, log *slog.Logger) (*api.Server, error) {
	docs.Data, docs.Log = data, log
	routes := resource.Routes(docs)
	if served, ok := data.(Served); ok {
		routes = append(routes, feed.Routes(feed.Options{Data: served, Log: log})...)
		routes = append(routes, page.Routes(page.Options{Data: served, Log: log})...)
	}
	return api.Serve(ctx, api.Options{
		Listen: cfg.Listen, Default: config.DefaultAPI, Token: cfg.Token, TokenFile: cfg.TokenFile,
		Origins: cfg.Origins, Rate: cfg.Rate, TLS: cfg.TLS, Log: log, Routes: routes,
	})
}

// serveAPI serves the API while the worker runs, unless it is switched off.
func (w *Worker) serveAPI(ctx context.Context) error {
	if w.opts.Config.API.Off || w.opts.Once {
		return nil
	}
	server, err := ServeAPI(ctx, w.opts.Config.API, w.store, resource.Options{Order: w.node.Order, Ask: w.ask}, w.log)
	if err != nil {
		return err
	}
	w.onStop(func(context.Context) error {
		_ = server.Close()
		return nil
	})
	w.log.Info("page and API", "address", server.URL())
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
