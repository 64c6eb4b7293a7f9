package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/imart/event-worker/internal/backoff"
)

// DefaultReplicaSet is the name of a new replica set if the URI names none.
const DefaultReplicaSet = "rs0"

const (
	initiateTimeout = 30 * time.Second // of one attempt, in which the server creates its oplog
	initiatePause   = 200 * time.Millisecond
)

// ReplicaSet is the replica set that Initiate found or created.
type ReplicaSet struct {
	Name    string
	Members []string // host:port
	New     bool     // Initiate initiated it
}

// Initiate initiates a replica set of the servers of a MongoDB URI, unless they belong
// to one already, and returns when Open would find its primary. The set's name is the
// URI's, or DefaultReplicaSet; its members are the URI's hosts, unless members lists
// addresses by which the servers and all clients reach them. Initiate waits up to wait
// for servers that do not answer yet.
func Initiate(ctx context.Context, uri string, members []string, wait time.Duration) (ReplicaSet, error) {
	if strings.HasPrefix(uri, connstring.SchemeMongoDBSRV+"://") {
		return ReplicaSet{}, errors.New("MONGODB_URI starts with mongodb+srv://, which leads to an existing replica set: write mongodb:// and the hosts of a new one")
	}
	address, err := AddressOf(uri)
	if err != nil {
		return ReplicaSet{}, err
	}
	if len(members) == 0 {
		members = address.Hosts
	}
	within, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	set, err := initiate(within, uri, address, members)
	if err == nil {
		err = await(within, func() error { return openable(within, uri) })
	}
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("waited %s: %w", wait, err)
	}
	return set, err
}

// initiate connects to the first server directly: a server whose set was never initiated
// cannot be reached otherwise.
func initiate(ctx context.Context, uri string, address Address, members []string) (ReplicaSet, error) {
	o := clientOptions(uri, "event-worker init").SetTimeout(initiateTimeout).SetServerSelectionTimeout(initiateTimeout)
	name := DefaultReplicaSet
	if o.ReplicaSet != nil {
		name = *o.ReplicaSet
	}
	o.ReplicaSet, o.Hosts = nil, o.Hosts[:min(1, len(o.Hosts))]
	client, err := driver.Connect(o.SetDirect(true))
	if err != nil {
		return ReplicaSet{}, fmt.Errorf("MONGODB_URI cannot be used: %s", uriProblem(uri, err))
	}
	first := &Reader{client: client, database: client.Database(address.Database), address: address}
	defer first.Close()
	var set ReplicaSet
	err = await(ctx, func() error {
		set, err = first.replicaSet(ctx)
		switch {
		case err != nil:
			return first.explain(err)
		case set.Name == "":
			set, err = first.initiateSet(ctx, name, members)
			return err
		}
		return nil
	})
	return set, err
}

// replicaSet returns the server's replica set, without a name if the set was never
// initiated.
func (r *Reader) replicaSet(ctx context.Context) (ReplicaSet, error) {
	var h hello
	if err := r.client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&h); err != nil {
		return ReplicaSet{}, err
	}
	if err := h.unusable(); err != nil && !h.Uninitiated {
		return ReplicaSet{}, err
	}
	return ReplicaSet{Name: h.SetName, Members: h.Hosts}, nil
}

func (r *Reader) initiateSet(ctx context.Context, name string, hosts []string) (ReplicaSet, error) {
	set := ReplicaSet{Name: name, New: true}
	members := bson.A{}
	for i, host := range hosts {
		set.Members = append(set.Members, withPort(host))
		members = append(members, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: set.Members[i]}})
	}
	config := bson.D{{Key: "_id", Value: name}, {Key: "members", Value: members}}
	err := r.client.Database("admin").RunCommand(ctx, bson.D{{Key: "replSetInitiate", Value: config}}).Err()
	switch {
	case hasCode(err, alreadyInitialized): // by another process, in the meantime
		set.New = false
		return set, nil
	case hasCode(err, unauthorized):
		err = fmt.Errorf("MongoDB, %s: the user may not initiate its replica set: give it the role clusterManager, or run rs.initiate() in mongosh on the server itself", r.address)
	case hasCode(err, invalidReplicaSetConfig):
		err = fmt.Errorf("MongoDB, %s: it refuses to be replica set %s of %s: correct --replSet of mongod, MONGODB_URI or --host: %w", r.address, name, strings.Join(set.Members, ", "), err)
	default:
		err = r.explain(err)
	}
	return set, err
}

// openable returns an error unless a worker could open the database.
func openable(ctx context.Context, uri string) error {
	reader, err := connect(ctx, uri, "event-worker init")
	if err != nil {
		return err
	}
	return reader.Close()
}

// await calls try until it succeeds or its error is permanent: servers that are starting
// cannot be reached yet. When the context ends, the error is the last one of try.
func await(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil || !transient(err) && !hasCode(err, nodeNotFound) || backoff.Sleep(ctx, initiatePause) != nil {
			return err
		}
	}
}
