package mongo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
)

// Count is transfer.Source's.
func (r *Reader) Count(ctx context.Context, collection string) (n int64, err error) {
	if _, ok := forms[collection]; !ok {
		return 0, persistence.UnknownCollection(collection)
	}
	err = r.look(ctx, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, firstAnswer)
		defer cancel()
		n, err = r.database.Collection(collection).CountDocuments(ctx, bson.D{}, options.Count().SetHint("_id_"))
		return err
	})
	return n, err
}

// Batch is transfer.Source's. Positions are keys.
func (r *Reader) Batch(ctx context.Context, collection, after string, limit int) (docs []json.RawMessage, last string, err error) {
	form, ok := forms[collection]
	if !ok {
		return nil, "", persistence.UnknownCollection(collection)
	}
	err = r.look(ctx, func() error {
		docs, last = nil, after
		cursor, err := r.database.Collection(collection).Find(ctx, bson.D{is("_id", bson.D{is("$gt", after)})},
			options.Find().SetSort(bson.D{is("_id", 1)}).SetLimit(int64(limit)))
		if err != nil {
			return err
		}
		defer cursor.Close(context.WithoutCancel(ctx))
		for size := 0; size < persistence.BatchBytes && cursor.Next(ctx); size += len(docs[len(docs)-1]) {
			id := cursor.Current.Lookup("_id")
			doc, err := form(cursor)
			if err != nil {
				return fmt.Errorf("stored %s %v is damaged: %w", collection, id, err)
			}
			docs, last = append(docs, doc), id.StringValue()
		}
		return cursor.Err()
	})
	return docs, last, err
}

// look reads, again if the server is away for a moment, and explains the error.
func (r *Reader) look(ctx context.Context, read func() error) error {
	if !r.gate.enter() {
		return errClosed
	}
	defer r.gate.leave()
	return r.explain(patiently(ctx, read))
}

// patiently does what may be repeated until it succeeds, or its error is not a passing
// one.
func patiently(ctx context.Context, do func() error) error {
	begun := time.Now()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := do()
		if err == nil || ctx.Err() != nil || !passing(err) || time.Since(begun) > patience {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// copyID is the key in the collection meta under which an unfinished copy is kept.
const copyID = "copy"

// Copying is transfer.Target's.
func (r *Reader) Copying(ctx context.Context) (*persistence.Copying, error) {
	var at persistence.Copying
	err := r.look(ctx, func() error { return r.database.Collection(meta).FindOne(ctx, byID(copyID)).Decode(&at) })
	if errors.Is(err, driver.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &at, nil
}

// RefuseCopy returns ErrUnfinishedCopy if the database holds one.
func (r *Reader) RefuseCopy(ctx context.Context) error {
	at, err := r.Copying(ctx)
	if err != nil || at == nil {
		return err
	}
	return r.explain(at.Unfinished())
}
