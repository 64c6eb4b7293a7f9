// Package page serves the page on which people see what a worker does.
package page

import (
	"log/slog"

	"github.com/imart/event-worker/api"
	"github.com/imart/event-worker/persistence"
)

// Data is what is served.
type Data interface {
	persistence.Querier
	persistence.Feed
}

// Options say what is served.
type Options struct {
	Data Data
	Log  *slog.Logger
}

// Routes are those of the package.
func Routes(o Options) []api.Route { return nil }
