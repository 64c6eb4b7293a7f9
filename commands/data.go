package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/demo"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/secretfile"
	"github.com/imart/event-worker/internal/waiting"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/worker"
)

const defaultConfig = config.DefaultFile

// mongoVariable names the environment variable with MongoDB's URI.
const mongoVariable = "MONGODB_URI"

// location is the location of data: a folder, or the MongoDB database of a URI.
type location struct {
	folder, uri string
	// waits reports that the database does not answer; to standard error if nil.
	waits func(waited time.Duration)
}

// mongoURI returns MongoDB's URI from its environment variable, or from the file that the
// variable with the suffix _FILE names. It is empty if neither is set.
func mongoURI() (string, error) {
	return secretfile.Variable(mongoVariable, os.Getenv)
}

// named returns the location that --data names, or else the environment; false if neither
// does.
func named(data string) (at location, ok bool, err error) {
	if data != "" {
		return location{folder: data}, true, nil
	}
	uri, err := mongoURI()
	return location{uri: uri}, uri != "", err
}

// String returns the location for display, without secrets.
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

// valid reports whether the location's URI, if it has one, can be parsed.
func (l location) valid() bool {
	_, err := mongo.AddressOf(l.uri)
	return l.uri == "" || err == nil
}

// Flag returns the option that names the location; empty if the environment does.
func (l location) Flag() string {
	if l.folder == "" {
		return ""
	}
	return " --data " + cli.Quoted(l.folder)
}

// demoData returns the location of the demo's data: its folder, unless another location
// is named.
func demoData(data string) (demo.Data, error) {
	if at, named, err := named(data); named || err != nil {
		return at, err
	}
	return location{folder: demo.Folder}, nil
}

// Open opens the data for a process that writes.
func (l location) Open(ctx context.Context) (persistence.Store, error) {
	defer l.waiting()() // for a server, or for a data folder that is upgraded and checked
	if l.uri == "" {
		store, err := embedded.Open(ctx, l.folder)
		if err != nil {
			return nil, err // a nil *Store would be a non-nil Store
		}
		return store, nil
	}
	store, err := mongo.Open(ctx, l.uri)
	if err != nil {
		return nil, err
	}
	return store, nil
}

// reader answers queries and reports changes until it is closed.
type reader interface {
	persistence.Querier
	persistence.Feed
	Close() error
}

// openReader opens the data for reading.
func (l location) openReader(ctx context.Context) (reader, error) {
	r, err := l.existing(ctx)
	if errors.Is(err, embedded.ErrNoData) || errors.Is(err, mongo.ErrNoData) {
		err = fmt.Errorf("%w: create it with run or demo, or name other data with --data", err)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (l location) existing(ctx context.Context) (reader, error) {
	defer l.waiting()()
	if l.uri == "" {
		return embedded.OpenReader(l.folder)
	}
	return mongo.OpenReader(ctx, l.uri)
}

// waiting reports that the database does not answer until the returned function is called.
func (l location) waiting() (over func()) {
	if l.waits != nil {
		return waiting.Say(l.waits)
	}
	return waiting.Say(cli.Waits(cli.Guard(os.Stderr), l.String()))
}

// dataFlags are the flags that select the data.
type dataFlags struct{ data, config string }

const dataHelp = `The data are those in the folder of --data; or else in the database of the variable
` + mongoVariable + `, or of the URI in the file that ` + mongoVariable + secretfile.Suffix + ` names; or else in the
data folder of the configuration in --config; or else in the folder of the variable
EVENT_WORKER_DATA, of the configuration ` + defaultConfig + `, or of the demo, whichever
exists first.`

func (f *dataFlags) add(c *cobra.Command) {
	f.addBoth(c)
	c.MarkFlagsMutuallyExclusive("data", "config")
}

// addBoth is add for commands that use the configuration for more than the data folder:
// --data and --config may be combined.
func (f *dataFlags) addBoth(c *cobra.Command) {
	c.Flags().StringVar(&f.data, "data", "", "the data folder")
	c.Flags().StringVar(&f.config, "config", "", "the configuration file that names the data folder")
}

// locate finds the data.
func (f *dataFlags) locate() (location, error) {
	if at, named, err := named(f.data); named || err != nil {
		return at, err
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
	case cli.Exists(defaultConfig):
		return config.Data(defaultConfig, os.Environ())
	case cli.Exists(demo.Folder):
		return demo.Folder, nil
	}
	return "", errors.New("no data given: name the folder with --data DIR or a configuration with --config FILE, or set " + mongoVariable)
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

// openWriter opens existing data for writing. Unlike the commands that fill a folder or
// a database, it creates none.
func (f *dataFlags) openWriter(ctx context.Context) (persistence.Store, location, error) {
	reader, at, err := f.open(ctx)
	if err != nil {
		return nil, at, err
	}
	if err := reader.Close(); err != nil {
		return nil, at, err
	}
	store, err := at.Open(ctx)
	return store, at, err
}

// maintain changes the data while no worker runs.
func (f *dataFlags) maintain(ctx context.Context, change func(store persistence.Store, o owners) error) (err error) {
	store, at, err := f.openWriter(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := worker.CheckIdle(ctx, store, at); err != nil {
		return err
	}
	o, err := ownersOf(ctx, store)
	if err != nil {
		return err
	}
	return change(store, o)
}

// owners are the names of the nodes that own the chains, by chain. Maintenance preserves
// them, because they distinguish the demo's data from real data.
type owners map[string]string

func ownersOf(ctx context.Context, docs persistence.Querier) (owners, error) {
	leases, err := persistence.Collect[persistence.Lease](ctx, docs, persistence.Query{Collection: persistence.Leases})
	if err != nil {
		return nil, err
	}
	o := owners{}
	for _, lease := range leases {
		o[lease.Chain] = lease.Node
	}
	return o, nil
}

// takeOver takes over a chain for maintenance, in the name of its owner.
func (o owners) takeOver(ctx context.Context, store persistence.Store, chain string) (*maintenance.Maintainer, error) {
	node, err := o.of(chain)
	if err != nil {
		return nil, err
	}
	return maintenance.TakeOver(ctx, store, node, chain)
}

// of returns the node that owns a chain.
func (o owners) of(chain string) (string, error) {
	if node, ok := o[chain]; ok {
		return node, nil
	}
	if len(o) == 0 {
		return "", fmt.Errorf("unknown chain %q: the data contain no chain yet", chain)
	}
	return "", fmt.Errorf("unknown chain %q: the data contain %s", chain, strings.Join(slices.Sorted(maps.Keys(o)), ", "))
}
