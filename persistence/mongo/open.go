package mongo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/imart/event-worker/internal/failpoint"
	"github.com/imart/event-worker/persistence/documents"
)

// operationTimeout bounds every operation, unless the URI has a timeoutMS.
const operationTimeout = 10 * time.Second

// openTimeout bounds the first contact with the server.
const openTimeout = 10 * time.Second

// ErrNoData means that the database has never been used by an event worker.
var ErrNoData = errors.New("there is no event worker database")

// Open opens the database of a MongoDB URI for a process that writes, and brings its
// collections, validators and indexes up to date. A URI without a database means
// DefaultDatabase. The error is persistence.ErrUnfinishedCopy if the database is an
// incomplete copy.
func Open(ctx context.Context, uri string) (*Store, error) {
	s, err := OpenCopy(ctx, uri)
	if err != nil {
		return nil, err
	}
	if err := s.RefuseCopy(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenCopy is Open for a process that copies into the database: it accepts an incomplete
// copy.
func OpenCopy(ctx context.Context, uri string) (*Store, error) {
	app := "event-worker " + rand.Text()[:12]
	reader, err := connect(ctx, uri, app)
	if err != nil {
		return nil, err
	}
	if err := reader.migrate(ctx); err != nil {
		return nil, errors.Join(reader.explain(err), reader.Close())
	}
	return &Store{Reader: reader, app: app, registry: documents.Registry(), condition: unmoved, tolerance: defaultTolerance}, nil
}

// OpenReader opens the database of a MongoDB URI for queries only. The error is
// ErrNoData if the database has never been written.
func OpenReader(ctx context.Context, uri string) (*Reader, error) {
	reader, err := connect(ctx, uri, "event-worker reader")
	if err != nil {
		return nil, err
	}
	version, err := reader.version(ctx)
	switch {
	case err != nil:
	case version == 0:
		err = ErrNoData
	case version > documents.Version:
		err = errNewer
	}
	if err != nil {
		return nil, errors.Join(reader.explain(err), reader.Close())
	}
	return reader, nil
}

// connect connects to a server and checks that it is a replica set of a supported version.
func connect(ctx context.Context, uri, app string) (*Reader, error) {
	address, err := AddressOf(uri)
	if err != nil {
		return nil, err
	}
	client, err := driver.Connect(clientOptions(uri, app))
	if err != nil {
		return nil, fmt.Errorf("MONGODB_URI cannot be used: %s", uriProblem(uri, err))
	}
	r := &Reader{client: client, database: client.Database(address.Database), address: address}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := r.check(ctx, uri); err != nil {
		return nil, errors.Join(r.explain(err), r.Close())
	}
	return r, nil
}

// clientOptions returns the URI's options, except those that correctness depends on.
func clientOptions(uri, app string) *options.ClientOptions {
	o := options.Client().ApplyURI(uri)
	if o.Timeout == nil {
		o.SetTimeout(operationTimeout)
	}
	if failpoint.Enabled {
		o.SetMonitor(newFailpoints())
	}
	return o.SetAppName(app).
		SetWriteConcern(writeconcern.Majority()).
		SetReadConcern(readconcern.Majority()).
		SetReadPreference(readpref.Primary()).
		SetRegistry(documents.Registry()).
		SetBSONOptions(&options.BSONOptions{OmitZeroStruct: true})
}

// The oldest supported server: MongoDB 6.0, by its wire version
// (https://github.com/mongodb/specifications/blob/master/source/wireversion-featurelist/wireversion-featurelist.md).
const (
	oldestWire    = 17
	oldestVersion = "6.0"
)

// hello is a server's description of itself.
type hello struct {
	SetName     string   `bson:"setName"`
	Hosts       []string `bson:"hosts"`        // the set's members
	Message     string   `bson:"msg"`          // isdbgrid from a mongos
	Uninitiated bool     `bson:"isreplicaset"` // a member of a set that was never initiated
	WireVersion int      `bson:"maxWireVersion"`
}

// What makes a server unusable.
var (
	errNoReplicaSet = errors.New("it is not a replica set, which transactions need: start mongod with --replSet rs0 and initiate the set once, with event-worker mongodb init")
	errUninitiated  = errors.New("its replica set was never initiated: do it once, with event-worker mongodb init")
	errTooOld       = errors.New("it is too old: MongoDB " + oldestVersion + " or later is needed")
)

// unusable returns the reason why a server cannot be used.
func (h hello) unusable() error {
	switch {
	case h.Uninitiated:
		return errUninitiated
	case h.SetName == "" && h.Message != "isdbgrid":
		return errNoReplicaSet
	case h.WireVersion < oldestWire:
		return errTooOld
	}
	return nil
}

// check checks the server's version and topology, and tries to log in.
func (r *Reader) check(ctx context.Context, uri string) error {
	var h hello
	if err := r.client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&h); err != nil {
		if why := diagnose(ctx, uri); why != nil {
			return why
		}
		return err
	}
	if err := h.unusable(); err != nil {
		return err
	}
	return r.database.RunCommand(ctx, bson.D{{Key: "listCollections", Value: 1}, {Key: "nameOnly", Value: true}, {Key: "authorizedCollections", Value: true}}).Err()
}

// diagnose asks the first server directly why no primary was found. It returns nil if
// the reason remains unknown.
func diagnose(ctx context.Context, uri string) error {
	o := options.Client().ApplyURI(uri)
	if len(o.Hosts) == 0 {
		return nil
	}
	wanted := o.ReplicaSet
	o.ReplicaSet, o.Auth, o.Hosts = nil, nil, o.Hosts[:1]
	client, err := driver.Connect(o.SetDirect(true).SetTimeout(5 * time.Second))
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	defer client.Disconnect(ctx)
	var h hello
	if err := client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&h); err != nil {
		return tlsProblem(context.WithoutCancel(ctx), o)
	}
	if err := h.unusable(); err != nil {
		return err
	}
	if wanted != nil && *wanted != h.SetName {
		return fmt.Errorf("its replica set is called %s, not %s as MONGODB_URI says", h.SetName, *wanted)
	}
	return nil
}
