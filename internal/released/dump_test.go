package released

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/mongotest"
)

// line is a line of a dump: a collection, with its options and indexes, or one of its
// documents.
type line struct {
	Collection string
	Options    bson.Raw `bson:",omitempty"`
	Indexes    bson.A   `bson:",omitempty"`
	Document   bson.Raw `bson:",omitempty"`
}

// dump writes a database as lines of canonical Extended JSON, compressed.
func dump(t *testing.T, uri, file string) {
	t.Helper()
	database := connect(t, uri)
	collections, err := database.ListCollectionSpecifications(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(collections, func(a, b mongo.CollectionSpecification) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	var text bytes.Buffer
	write := func(l line) {
		json, err := bson.MarshalExtJSON(l, true, false)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s\n", json)
	}
	for _, c := range collections {
		var indexes bson.A
		all[bson.D](t, func(ctx context.Context) (*mongo.Cursor, error) {
			return database.Collection(c.Name).Indexes().List(ctx)
		}, func(index bson.D) {
			indexes = append(indexes, index)
		})
		write(line{Collection: c.Name, Options: c.Options, Indexes: indexes})
		all[bson.Raw](t, func(ctx context.Context) (*mongo.Cursor, error) {
			return database.Collection(c.Name).Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
		}, func(document bson.Raw) { write(line{Collection: c.Name, Document: document}) })
	}
	pack(t, file, text.Bytes())
}

// all calls take for each document of a cursor.
func all[T any](t *testing.T, open func(context.Context) (*mongo.Cursor, error), take func(T)) {
	t.Helper()
	cursor, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var documents []T
	if err := cursor.All(t.Context(), &documents); err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		take(d)
	}
}

// restore writes a dump into an empty database.
func restore(t *testing.T, uri, file string) {
	t.Helper()
	database := connect(t, uri)
	lines := bufio.NewScanner(bytes.NewReader(unpack(t, file)))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var l line
		if err := bson.UnmarshalExtJSON(lines.Bytes(), true, &l); err != nil {
			t.Fatal(err)
		}
		if err := restoreLine(t.Context(), database, l); err != nil {
			t.Fatalf("%s: collection %s: %v", file, l.Collection, err)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func restoreLine(ctx context.Context, database *mongo.Database, l line) error {
	if l.Document != nil {
		_, err := database.Collection(l.Collection).InsertOne(ctx, l.Document, options.InsertOne().SetBypassDocumentValidation(true))
		return err
	}
	create := bson.D{{Key: "create", Value: l.Collection}}
	elements, err := l.Options.Elements()
	if err != nil {
		return err
	}
	for _, e := range elements {
		create = append(create, bson.E{Key: e.Key(), Value: e.Value()})
	}
	if err := database.RunCommand(ctx, create).Err(); err != nil {
		return err
	}
	return database.RunCommand(ctx, bson.D{{Key: "createIndexes", Value: l.Collection}, {Key: "indexes", Value: l.Indexes}}).Err()
}

func connect(t *testing.T, uri string) *mongo.Database {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) })
	return client.Database(mongotest.Name(uri))
}

func pack(t *testing.T, file string, content []byte) {
	t.Helper()
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = os.WriteFile(file, packed.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, file string) []byte {
	t.Helper()
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if _, err := content.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}
