package main

import (
	"context"

	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// database reads the nodes' database on a connection without faults.
type database struct {
	uri    string
	reader *mongo.Reader // nil until the database exists
}

func (d *database) close() {
	if d.reader != nil {
		_ = d.reader.Close() // its server may be gone
	}
}

// connect connects to the database, which exists once a node has started.
func (d *database) connect(ctx context.Context) (err error) {
	if d.reader == nil {
		d.reader, err = mongo.OpenReader(ctx, d.uri)
	}
	return err
}

// all returns the documents of a collection.
func all[T any](ctx context.Context, d *database, collection string) ([]T, error) {
	if err := d.connect(ctx); err != nil {
		return nil, err
	}
	return persistence.Collect[T](ctx, d.reader, persistence.Query{Collection: collection})
}

// documents returns the documents of the collections that the model covers.
func (d *database) documents(ctx context.Context) (devnet.Contents, error) {
	if err := d.connect(ctx); err != nil {
		return nil, err
	}
	return devnet.Read(ctx, d.reader)
}
