package documents

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

func TestMain(m *testing.M) { os.Exit(mongotest.Main(m)) }

// open is a fresh database of the server.
func open(t *testing.T) *mongo.Database {
	t.Helper()
	uri := mongotest.Database(t)
	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetRegistry(Registry()).SetWriteConcern(writeconcern.W1()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return client.Database(mongotest.Name(uri))
}

// create makes a collection as the store does.
func create(t *testing.T, db *mongo.Database, c Collection) *mongo.Collection {
	t.Helper()
	if err := db.CreateCollection(t.Context(), c.Name, options.CreateCollection().SetValidator(c.Validator())); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	var models []mongo.IndexModel
	for _, index := range c.Indexes {
		models = append(models, modelOf(index))
	}
	if len(models) > 0 {
		if _, err := db.Collection(c.Name).Indexes().CreateMany(t.Context(), models); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
	}
	return db.Collection(c.Name)
}

func modelOf(index Index) mongo.IndexModel {
	keys := bson.D{}
	for _, k := range index.Keys {
		direction := 1
		if k.Descending {
			direction = -1
		}
		keys = append(keys, bson.E{Key: k.Path, Value: direction})
	}
	o := options.Index().SetName(index.Name)
	if filter := index.Partial(); filter != nil {
		o.SetPartialFilterExpression(filter)
	}
	if index.Keep > 0 {
		o.SetExpireAfterSeconds(int32(index.Keep.Seconds()))
	}
	return mongo.IndexModel{Keys: keys, Options: o}
}

// put writes a document in place of any that has its _id.
func put(c *mongo.Collection, doc bson.D) error {
	id := bson.D{{Key: "_id", Value: "x"}}
	_, err := c.ReplaceOne(context.Background(), id, set(doc, "_id", "x"), options.Replace().SetUpsert(true))
	return err
}

// refused says whether the server's validator refused a document.
func refused(err error) bool {
	const documentValidationFailure = 121
	var failed mongo.ServerError
	return errors.As(err, &failed) && failed.HasErrorCode(documentValidationFailure)
}

// Every document that our types can hold is accepted, and none that has been
// damaged.
func TestValidatorsTellDocumentsFromOthers(t *testing.T) {
	db := open(t)
	for _, c := range Collections() {
		t.Run(c.Name, func(t *testing.T) {
			collection := create(t, db, c)
			rapid.Check(t, func(t *rapid.T) {
				doc, err := asBSON(drawDocument(t, c))
				if err != nil {
					t.Fatal(err)
				}
				if err := put(collection, doc); err != nil {
					t.Fatalf("%v\n%v", doc, err)
				}
				damage := rapid.SampledFrom(damages(doc, c.Fields, "")).Draw(t, "damage")
				if err := put(collection, damage.doc); !refused(err) {
					t.Fatalf("%s: %v\n%v", damage.what, damage.doc, err)
				}
			})
		})
	}
}

// damaged is a document that is not as it should be.
type damaged struct {
	what string
	doc  bson.D
}

func (d damaged) String() string { return d.what }

// damages are the ways in which a document can be damaged.
func damages(doc bson.D, fields []Field, path string) []damaged {
	out := []damaged{{path + "sttus added", append(doc[:len(doc):len(doc)], bson.E{Key: "sttus", Value: "SOLD"})}}
	for _, f := range fields {
		value, found := get(doc, f.Name)
		if !found || f.Name == "_id" { // always there, and put by the test
			continue
		}
		if f.Required {
			out = append(out, damaged{path + f.Name + " removed", without(doc, f.Name)})
		}
		for _, d := range wrongs(value, f, path+f.Name) {
			out = append(out, damaged{d.what, set(doc, f.Name, d.value)})
		}
	}
	return out
}

// wrong is a value that its field cannot have.
type wrong struct {
	what  string
	value any
}

// wrongs are values that a field cannot have, made of one that it has.
func wrongs(value any, f Field, path string) []wrong {
	if list, ok := value.(bson.A); ok && f.List {
		out := []wrong{{path + " no list", int32(7)}}
		f.List = false
		for i, element := range list {
			for _, w := range wrongs(element, f, fmt.Sprintf("%s.%d", path, i)) {
				damaged := append(bson.A{}, list...)
				damaged[i] = w.value
				out = append(out, wrong{w.what, damaged})
			}
		}
		return out
	}
	var out []wrong
	for _, other := range []struct {
		value any
		types string
	}{
		{int32(7), "int"}, {int64(7), "long"}, {7.5, "double"}, {nil, "null"}, {true, "bool"}, {"x", "string amount free"},
		{time.Unix(0, 0), "date"}, {bson.Binary{Data: []byte{1}}, "binData"}, {bson.ObjectID{}, "objectId"},
		{bson.D{}, "object counts free"}, {bson.D{{Key: "timeout", Value: "1"}}, "free"}, {bson.A{}, "free"},
	} {
		if !slices.Contains(strings.Fields(other.types), string(f.Type)) {
			out = append(out, wrong{fmt.Sprintf("%s made %T", path, other.value), other.value})
		}
	}
	if f.Enum != nil {
		out = append(out, wrong{path + " of another word", f.Enum.Values[0] + "x"})
	}
	if f.Type == Amount {
		for _, text := range []string{"", "-1", "1.5", "01", "1e3", " 1", "1 ", "1\n", "x", "1" + strings.Repeat("0", 78)} {
			out = append(out, wrong{fmt.Sprintf("%s made %q", path, text), text})
		}
	}
	if inner, ok := value.(bson.D); ok && f.Type == Object {
		for _, d := range damages(inner, f.Fields, path+".") {
			out = append(out, wrong{d.what, d.doc})
		}
	}
	return out
}

func get(doc bson.D, name string) (any, bool) {
	for _, e := range doc {
		if e.Key == name {
			return e.Value, true
		}
	}
	return nil, false
}

func set(doc bson.D, name string, value any) bson.D {
	out := append(bson.D{}, doc...)
	for i, e := range out {
		if e.Key == name {
			out[i].Value = value
		}
	}
	return out
}

func without(doc bson.D, name string) bson.D {
	var out bson.D
	for _, e := range doc {
		if e.Key != name {
			out = append(out, e)
		}
	}
	return out
}

// What people write by hand is refused when it is a mistake.
func TestMistakesByHandAreRefused(t *testing.T) {
	db := open(t)
	var orders *mongo.Collection
	for _, c := range Collections() {
		if c.Name == persistence.Orders {
			orders = create(t, db, c)
		}
	}
	order := OfOrder(markets.Order{Chain: "ethereum", Market: "seaport", Key: "0x1", Status: markets.Listing, Price: "100"})
	if _, err := orders.InsertOne(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	for _, update := range []bson.D{
		{{Key: "$set", Value: bson.D{{Key: "prise", Value: "100"}}}},
		{{Key: "$set", Value: bson.D{{Key: "price", Value: 100}}}},
		{{Key: "$set", Value: bson.D{{Key: "price", Value: "0x64"}}}},
		{{Key: "$set", Value: bson.D{{Key: "price", Value: "100\n"}}}},
		{{Key: "$set", Value: bson.D{{Key: "soldAt", Value: "2024-01-01T00:00:00Z"}}}},
		{{Key: "$set", Value: bson.D{{Key: "status", Value: "sold"}}}},
		{{Key: "$set", Value: bson.D{{Key: "last.height", Value: 7.0}}}},
		{{Key: "$set", Value: bson.D{{Key: "last.heigth", Value: int64(7)}}}},
		{{Key: "$unset", Value: bson.D{{Key: "chain", Value: ""}}}},
		{{Key: "$push", Value: bson.D{{Key: "bundle", Value: bson.D{{Key: "id", Value: "1"}}}}}},
	} {
		if _, err := orders.UpdateByID(t.Context(), order.ID, update); !refused(err) {
			t.Errorf("%v: %v", update, err)
		}
	}
	sold := bson.D{{Key: "$set", Value: bson.D{{Key: "status", Value: "SOLD"}, {Key: "soldAt", Value: time.Now()}}}}
	if _, err := orders.UpdateByID(t.Context(), order.ID, sold); err != nil {
		t.Error(err)
	}
}
