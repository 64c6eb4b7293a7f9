package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence/documents"
)

// meta is the collection that holds the schema version and the state of an unfinished
// copy.
const meta = "meta"

// migrateTimeout bounds the building of indexes on a large database.
const migrateTimeout = 12 * time.Hour

// errNewer means that a newer version of the program wrote the database.
var errNewer = errors.New("it was written by a newer version of this program: use that one")

// version returns the version of the database's schema, 0 if there is none.
func (r *Reader) version(ctx context.Context) (int, error) {
	var doc struct{ Version int }
	err := r.database.Collection(meta).FindOne(ctx, byID("schema")).Decode(&doc)
	if errors.Is(err, driver.ErrNoDocuments) {
		err = nil
	}
	return doc.Version, err
}

// migrate brings the database up to date. It may be repeated, and several processes may
// run it concurrently.
func (r *Reader) migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	version, err := r.version(ctx)
	if err != nil {
		return err
	}
	if version > documents.Version {
		return errNewer
	}
	for _, c := range documents.Collections() {
		if err := r.prepare(ctx, c, version < documents.Version); err != nil {
			return fmt.Errorf("preparing the collection %s: %w", c.Name, err)
		}
	}
	if version == documents.Version {
		return nil
	}
	_, err = r.database.Collection(meta).UpdateOne(ctx, byID("schema"),
		bson.D{{Key: "$max", Value: bson.D{{Key: "version", Value: documents.Version}}}, stamp("at")}, options.UpdateOne().SetUpsert(true))
	return err
}

// prepare creates a collection, its validator and its indexes, or updates those that
// have changed.
func (r *Reader) prepare(ctx context.Context, c documents.Collection, changed bool) error {
	level := "strict"
	if c.Tolerant {
		level = "moderate"
	}
	err := r.database.CreateCollection(ctx, c.Name, options.CreateCollection().SetValidator(c.Validator()).SetValidationLevel(level))
	switch {
	case err == nil:
	case !hasCode(err, namespaceExists):
		return err
	case changed:
		if err := r.database.RunCommand(ctx, bson.D{{Key: "collMod", Value: c.Name}, {Key: "validator", Value: c.Validator()}, {Key: "validationLevel", Value: level}}).Err(); err != nil {
			return err
		}
	}
	if len(c.Indexes) == 0 {
		return nil
	}
	var models []driver.IndexModel
	for _, index := range c.Indexes {
		models = append(models, modelOf(index))
	}
	indexes := r.database.Collection(c.Name).Indexes()
	_, err = indexes.CreateMany(ctx, models)
	if hasCode(err, indexOptionsConflict) || hasCode(err, indexKeySpecsConflict) {
		return replace(ctx, indexes, c.Indexes)
	}
	return err
}

// modelOf converts an index to the driver's type.
func modelOf(index documents.Index) driver.IndexModel {
	var keys bson.D
	for _, key := range index.Keys {
		direction := 1
		if key.Descending {
			direction = -1
		}
		keys = append(keys, is(key.Path, direction))
	}
	o := options.Index().SetName(index.Name)
	if index.Exists != "" {
		o.SetPartialFilterExpression(bson.D{is(index.Exists, bson.D{is("$exists", true)})})
	}
	if index.Keep > 0 {
		o.SetExpireAfterSeconds(int32(index.Keep.Seconds()))
	}
	return driver.IndexModel{Keys: keys, Options: o}
}

// replace creates indexes one by one, each in place of an existing index with the same
// name.
func replace(ctx context.Context, indexes driver.IndexView, wanted []documents.Index) error {
	for _, index := range wanted {
		_, err := indexes.CreateOne(ctx, modelOf(index))
		if hasCode(err, indexOptionsConflict) || hasCode(err, indexKeySpecsConflict) {
			if err = indexes.DropOne(ctx, index.Name); err == nil {
				_, err = indexes.CreateOne(ctx, modelOf(index))
			}
		}
		if err != nil {
			return fmt.Errorf("index %s: %w", index.Name, err)
		}
	}
	return nil
}
