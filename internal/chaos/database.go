package main

import (
	"context"
	"encoding/json"

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

// each calls take for every document of a collection.
func (d *database) each(ctx context.Context, collection string, take func(json.RawMessage) error) (err error) {
	if d.reader == nil {
		if d.reader, err = mongo.OpenReader(ctx, d.uri); err != nil {
			return err
		}
	}
	for doc, err := range d.reader.Query(ctx, persistence.Query{Collection: collection}) {
		if err != nil {
			return err
		}
		if err := take(doc); err != nil {
			return err
		}
	}
	return nil
}

// all returns the documents of a collection.
func all[T any](ctx context.Context, d *database, collection string) ([]T, error) {
	var docs []T
	err := d.each(ctx, collection, func(text json.RawMessage) error {
		var doc T
		err := json.Unmarshal(text, &doc)
		docs = append(docs, doc)
		return err
	})
	return docs, err
}

// documents returns the documents of the collections that the model covers.
func (d *database) documents(ctx context.Context) (devnet.Contents, error) {
	docs := devnet.Contents{}
	for _, collection := range devnet.Collections {
		err := d.each(ctx, collection, func(text json.RawMessage) error {
			var key struct {
				ID string `json:"_id"`
			}
			if err := json.Unmarshal(text, &key); err != nil {
				return err
			}
			return docs.Put(collection, key.ID, text)
		})
		if err != nil {
			return nil, err
		}
	}
	return docs, nil
}
