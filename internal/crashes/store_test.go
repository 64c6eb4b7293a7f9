package crashes

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
)

// The kinds of stores.
const (
	onEmbedded = "embedded"
	onMongoDB  = "mongodb"
)

// store is what a run reads and asks of the workers' store.
type store interface {
	persistence.Querier
	persistence.RequestQueue
	Close() error
}

// data is where the workers keep their documents.
type data struct {
	dir string // a folder
	uri string // or a MongoDB database
}

// newData makes room for documents. Most databases are used again, and have their collections.
func newData(t *testing.T, kind string, created bool) data {
	switch {
	case kind == onEmbedded:
		return data{dir: filepath.Join(t.TempDir(), "data")}
	case created:
		return data{uri: mongotest.Database(t)}
	}
	return data{uri: mongotest.EmptyDatabase(t)}
}

// open opens the store; nil if no worker has created it yet.
func (d data) open(t *testing.T) (store, error) {
	if d.uri == "" {
		queue, err := embedded.OpenQueue(d.dir)
		if errors.Is(err, embedded.ErrNoData) || errors.Is(err, embedded.ErrInterrupted) {
			return nil, nil
		}
		return opened(queue, err)
	}
	return opened(mongo.Open(t.Context(), d.uri))
}

// opened is a store unless there is an error.
func opened[S store](s S, err error) (store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// environ tells a worker where the data are.
func (d data) environ() []string {
	if d.uri == "" {
		return []string{"EVENT_WORKER_DATA=" + d.dir}
	}
	return []string{"MONGODB_URI=" + d.uri}
}
