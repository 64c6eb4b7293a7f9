package main

import (
	"context"
	"crypto/rand"
	"errors"
	"hash/maphash"
	"net/url"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	driveroptions "go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/mongo"
)

// openDatabase opens a new database, which is removed at the end.
func openDatabase(ctx context.Context, o options) (persistence.Store, func(), error) {
	uri, err := newDatabase(o.mongodb)
	if err != nil {
		return nil, nil, err
	}
	store, err := mongo.Open(ctx, uri)
	if err != nil {
		return nil, nil, err
	}
	return store, func() {
		store.Close()
		drop(uri)
	}, nil
}

// newDatabase returns the URI of a database that does not exist yet.
func newDatabase(uri string) (string, error) {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return "", errors.New("MONGODB_URI is not a URI")
	}
	hosts, query, _ := strings.Cut(rest, "?")
	hosts, _, _ = strings.Cut(hosts, "/")
	return scheme + "://" + hosts + "/" + url.PathEscape("bench_"+rand.Text()) + "?" + query, nil
}

func drop(uri string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if client, database, err := connect(uri); err == nil {
		defer client.Disconnect(ctx)
		_ = database.Drop(ctx) // can be repeated manually
	}
}

func connect(uri string) (*driver.Client, *driver.Database, error) {
	address, err := mongo.AddressOf(uri)
	if err != nil {
		return nil, nil, err
	}
	client, err := driver.Connect(driveroptions.Client().ApplyURI(uri).SetWriteConcern(writeconcern.Majority()))
	if err != nil {
		return nil, nil, err
	}
	return client, client.Database(address.Database), nil
}

// cpuOfMongoDB returns the CPU time of the MongoDB server so far; 0 without MongoDB, and for
// servers that do not run on Linux.
func cpuOfMongoDB(ctx context.Context, o options) (time.Duration, error) {
	if o.mongodb == "" {
		return 0, nil
	}
	client, _, err := connect(o.mongodb)
	if err != nil {
		return 0, err
	}
	defer client.Disconnect(context.WithoutCancel(ctx))
	var status struct {
		Process struct {
			User   int64 `bson:"user_time_us"`
			System int64 `bson:"system_time_us"`
		} `bson:"extra_info"`
	}
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "serverStatus", Value: 1}}).Decode(&status)
	return time.Duration(status.Process.User+status.Process.System) * time.Microsecond, err
}

// perBulk is the number of events whose documents are in one bulk write.
const perBulk = 1000

// rawWrite writes the documents of the events with unordered bulk writes, into
// collections with the store's indexes and validators, without transactions, without
// reads and encoded beforehand. Each writer has its own orders.
func rawWrite(ctx context.Context, o options, writers int) (result, error) {
	pages, err := fetchPages(ctx, o)
	if err != nil {
		return result{}, err
	}
	shares, err := rawShares(pages, writers)
	if err != nil {
		return result{}, err
	}
	uri, err := newDatabase(o.mongodb)
	if err != nil {
		return result{}, err
	}
	store, err := mongo.Open(ctx, uri) // creates collections and indexes
	if err != nil {
		return result{}, err
	}
	defer drop(uri)
	if err := store.Close(); err != nil {
		return result{}, err
	}
	client, database, err := connect(uri)
	if err != nil {
		return result{}, err
	}
	defer client.Disconnect(context.WithoutCancel(ctx))
	events := 0
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for _, share := range shares {
		group.Go(func() error {
			for _, bulk := range share {
				if err := bulk.write(ctx, database); err != nil {
					return err
				}
			}
			return nil
		})
		for _, bulk := range share {
			events += len(bulk.activities)
		}
	}
	err = group.Wait()
	return result{Events: events, Took: time.Since(start)}, err
}

// bulk is the documents of some events.
type bulk struct{ activities, orders []driver.WriteModel }

func (b bulk) write(ctx context.Context, database *driver.Database) error {
	unordered := driveroptions.BulkWrite().SetOrdered(false)
	if _, err := database.Collection(persistence.Activities).BulkWrite(ctx, b.activities, unordered); err != nil {
		return err
	}
	_, err := database.Collection(persistence.Orders).BulkWrite(ctx, b.orders, unordered)
	return err
}

// rawShares distributes the bulk writes over the writers.
func rawShares(pages []page, writers int) ([][]bulk, error) {
	shares, known := make([][]bulk, writers), map[string]bool{}
	for i := range shares {
		shares[i] = []bulk{{}}
	}
	seed, registry := maphash.MakeSeed(), documents.Registry()
	for _, p := range pages {
		for i := range p.activities {
			share := &shares[maphash.String(seed, p.orders[i].ID())%uint64(writers)]
			b := &(*share)[len(*share)-1]
			if err := b.add(registry, p.activities[i], p.orders[i], known[p.orders[i].ID()]); err != nil {
				return nil, err
			}
			known[p.orders[i].ID()] = true
			if len(b.activities) == perBulk {
				*share = append(*share, bulk{})
			}
		}
	}
	for i, share := range shares {
		if last := len(share) - 1; len(share[last].activities) == 0 {
			shares[i] = share[:last]
		}
	}
	return shares, nil
}

func (b *bulk) add(registry *bson.Registry, a markets.Activity, o markets.Order, known bool) error {
	activity, err := documents.Marshal(registry, documents.OfActivity(a))
	if err != nil {
		return err
	}
	order, err := documents.Marshal(registry, documents.OfOrder(o))
	if err != nil {
		return err
	}
	b.activities = append(b.activities, driver.NewInsertOneModel().SetDocument(activity))
	if known {
		b.orders = append(b.orders, driver.NewReplaceOneModel().SetFilter(bson.D{{Key: "_id", Value: o.ID()}}).SetReplacement(order))
	} else {
		b.orders = append(b.orders, driver.NewInsertOneModel().SetDocument(order))
	}
	return nil
}
