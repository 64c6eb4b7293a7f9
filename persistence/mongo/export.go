package mongo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
)

// pageOf is how many documents are read at a time.
const pageOf = 2_000

// Count is the number of documents in a collection.
func (r *Reader) Count(ctx context.Context, collection string) (n int64, err error) {
	err = r.look(collection, func() error {
		return patiently(ctx, func() (err error) {
			ctx, cancel := context.WithTimeout(ctx, firstAnswer)
			defer cancel()
			n, err = r.database.Collection(collection).CountDocuments(ctx, bson.D{}, options.Count().SetHint("_id_"))
			return err
		})
	})
	return n, err
}

// look runs a look at a collection, unless the store is closed, and explains its
// error.
func (r *Reader) look(collection string, do func() error) error {
	if _, ok := forms[collection]; !ok {
		return persistence.UnknownCollection(collection)
	}
	if !r.gate.enter() {
		return errClosed
	}
	defer r.gate.leave()
	return r.explain(do())
}

// Documents yields the documents of a collection that stand behind a place, in the
// order of their keys. Unlike a query's they are not of one moment, but it may take
// as long as it likes.
func (r *Reader) Documents(ctx context.Context, collection, after string) iter.Seq2[persistence.Document, error] {
	return func(yield func(persistence.Document, error) bool) {
		err := r.look(collection, func() error {
			return r.documents(ctx, collection, after, func(doc persistence.Document) bool { return yield(doc, nil) })
		})
		if err != nil {
			yield(persistence.Document{}, err)
		}
	}
}

// documents reads page after page: no cursor has to live long.
func (r *Reader) documents(ctx context.Context, collection, after string, yield func(persistence.Document) bool) error {
	n, more := pageOf, true
	for n == pageOf && more {
		err := patiently(ctx, func() error {
			n = 0
			return r.page(ctx, collection, after, func(doc persistence.Document) bool {
				n, after, more = n+1, doc.At, yield(doc)
				return more
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// patiently makes a look that may be repeated, until it succeeds, if its server is
// away for a moment.
func patiently(ctx context.Context, look func() error) error {
	begun := time.Now()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := look()
		if err == nil || ctx.Err() != nil || !passing(err) || time.Since(begun) > patience {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// page yields the next documents.
func (r *Reader) page(ctx context.Context, collection, after string, yield func(persistence.Document) bool) error {
	cursor, err := r.database.Collection(collection).Find(ctx, bson.D{is("_id", bson.D{is("$gt", after)})},
		options.Find().SetSort(bson.D{is("_id", 1)}).SetLimit(pageOf).SetBatchSize(pageOf))
	if err != nil {
		return err
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	for cursor.Next(ctx) {
		id := cursor.Current.Lookup("_id")
		doc, err := forms[collection](cursor)
		if err != nil {
			return fmt.Errorf("stored %s %v is damaged: %w", collection, id, err)
		}
		if !yield(persistence.Document{At: id.StringValue(), JSON: doc}) {
			return nil
		}
	}
	return cursor.Err()
}

// copyID is the key of the document in the collection meta that an unfinished copy
// has.
const copyID = "copy"

// copying is that document.
type copying struct {
	ID                  string `bson:"_id"`
	persistence.Copying `bson:",inline"`
	// App is the name under which the server knows the connections of the process
	// that copies.
	App string `bson:"app"`
}

// Copying is the copy into the database that is not complete; nil if there is none.
func (r *Reader) Copying(ctx context.Context) (*persistence.Copying, error) {
	if !r.gate.enter() {
		return nil, errClosed
	}
	defer r.gate.leave()
	c, err := r.copying(ctx, r.database)
	if err != nil || c == nil {
		return nil, r.explain(err)
	}
	return &c.Copying, nil
}

func (r *Reader) copying(ctx context.Context, database *driver.Database) (*copying, error) {
	var c copying
	err := patiently(ctx, func() error { return database.Collection(meta).FindOne(ctx, byID(copyID)).Decode(&c) })
	if errors.Is(err, driver.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// refuseCopy returns ErrUnfinishedCopy if the database holds one.
func (r *Reader) refuseCopy(ctx context.Context) error {
	c, err := r.Copying(ctx)
	if err != nil || c == nil {
		return err
	}
	return r.explain(c.Unfinished())
}
