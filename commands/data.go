package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
)

const (
	defaultConfig = "event-worker.yaml"
	demoData      = "event-worker-demo"
)

// querier answers queries.
type querier interface {
	Query(ctx context.Context, query persistence.Query) iter.Seq2[json.RawMessage, error]
}

// mongoVariable names the environment variable that says where MongoDB is.
const mongoVariable = "MONGODB_URI"

// location is where data are: a folder, or the MongoDB database of a URI.
type location struct{ folder, uri string }

// named is the location that --data names, or else the environment.
func named(data string) (at location, ok bool) {
	if data != "" {
		return location{folder: data}, true
	}
	uri := os.Getenv(mongoVariable)
	return location{uri: uri}, uri != ""
}

// String is the location for people, without secrets.
func (l location) String() string {
	if l.uri == "" {
		return "data folder " + l.folder
	}
	address, err := mongo.AddressOf(l.uri)
	if err != nil {
		return "MongoDB"
	}
	return "MongoDB, " + address.String()
}

// open opens the data for a process that writes.
func (l location) open(ctx context.Context) (persistence.Store, error) {
	if l.uri == "" {
		store, err := embedded.Open(ctx, l.folder)
		if err != nil {
			return nil, err // not a nil *Store, which is no nil Store
		}
		return store, nil
	}
	store, err := mongo.Open(ctx, l.uri)
	if err != nil {
		return nil, err
	}
	return store, nil
}

// reader answers queries until it is closed.
type reader interface {
	querier
	Close() error
}

// openReader opens the data for reading.
func (l location) openReader(ctx context.Context) (reader, error) {
	r, err := l.existing(ctx)
	if errors.Is(err, embedded.ErrNoData) || errors.Is(err, mongo.ErrNoData) {
		err = fmt.Errorf("%w: start run or demo on it first, or name other data with --data", err)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (l location) existing(ctx context.Context) (reader, error) {
	if l.uri == "" {
		return embedded.OpenReader(l.folder)
	}
	return mongo.OpenReader(ctx, l.uri)
}

// dataFlags are the flags that say which data to look into.
type dataFlags struct{ data, config string }

const dataHelp = `The data are those of the folder in --data; or else, if the variable ` + mongoVariable + `
is set, of its database; or else of the data folder that the configuration in
--config names; with none of them, of the variable EVENT_WORKER_DATA, of the
configuration ` + defaultConfig + `, or of the demo, whichever is there first.`

func (f *dataFlags) add(c *cobra.Command) {
	f.addBoth(c)
	c.MarkFlagsMutuallyExclusive("data", "config")
}

// addBoth is add for commands that need more of a configuration than the folder.
func (f *dataFlags) addBoth(c *cobra.Command) {
	c.Flags().StringVar(&f.data, "data", "", "the data folder")
	c.Flags().StringVar(&f.config, "config", "", "the configuration file that names the data folder")
}

// locate finds the data.
func (f *dataFlags) locate() (location, error) {
	if at, named := named(f.data); named {
		return at, nil
	}
	folder, err := f.folder()
	return location{folder: folder}, err
}

// folder finds the data folder.
func (f *dataFlags) folder() (string, error) {
	switch {
	case f.data != "":
		return f.data, nil
	case f.config != "":
		return config.Data(f.config, os.Environ())
	case os.Getenv("EVENT_WORKER_DATA") != "":
		return os.Getenv("EVENT_WORKER_DATA"), nil
	case exists(defaultConfig):
		return config.Data(defaultConfig, os.Environ())
	case exists(demoData):
		return demoData, nil
	}
	return "", errors.New("which data? name the folder with --data DIR or a configuration with --config FILE, or set " + mongoVariable)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// open opens the data for reading.
func (f *dataFlags) open(ctx context.Context) (reader, location, error) {
	at, err := f.locate()
	if err != nil {
		return nil, at, err
	}
	r, err := at.openReader(ctx)
	return r, at, err
}

// collect returns the documents of a query, decoded.
func collect[T any](ctx context.Context, docs querier, query persistence.Query) ([]T, error) {
	var out []T
	for raw, err := range docs.Query(ctx, query) {
		if err != nil {
			return nil, err
		}
		var doc T
		if err := json.Unmarshal(raw, &doc); err != nil {
			return nil, fmt.Errorf("%s: %w", query.Collection, err)
		}
		out = append(out, doc)
	}
	return out, nil
}

// checkOwner refuses data that the demo must not touch, or that only it may:
// recorded blocks and a real chain's disagree, and each would roll the other's back.
func checkOwner(ctx context.Context, docs querier, at location, demo bool) error {
	leases, err := collect[persistence.Lease](ctx, docs, persistence.Query{Collection: persistence.Leases})
	if err != nil {
		return err
	}
	for _, lease := range leases {
		switch of := lease.Node == config.DemoNode; {
		case of && !demo:
			return fmt.Errorf("%s: it holds the demo's data: choose another one", at)
		case !of && demo:
			return fmt.Errorf("%s: it holds the data of %s, not of the demo: choose another one", at, cmp.Or(lease.Node, "a cluster"))
		}
	}
	return nil
}

// aliveWithin is how long a node that lives may take to show it.
const aliveWithin = 3 * time.Second

// idle refuses a database on which a cluster runs.
func (l location) idle(ctx context.Context, store persistence.Store) error {
	registry, ok := store.(persistence.Registry)
	if !ok {
		return nil
	}
	nodes, err := cluster.Alive(ctx, registry, aliveWithin)
	if err != nil || len(nodes) == 0 {
		return err
	}
	var ids []string
	for _, n := range nodes {
		ids = append(ids, n.ID)
	}
	return fmt.Errorf("%s: a cluster runs there (%s): stop it first", l, strings.Join(ids, ", "))
}
