package mongo_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/mongo"
)

// A database that cannot be opened is refused with a remedy, and without the password.
func TestUnfitServers(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	fit := strings.TrimPrefix(mongotest.URI(t), "mongodb://")
	host, _, _ := strings.Cut(fit, "/")
	standalone := mongotest.Unfit(t)
	uninitiated := mongotest.Unfit(t, "--replSet", "rs7")
	const quick = "serverSelectionTimeoutMS=3000" // a busy machine needs some of it to be refused
	for _, test := range []struct{ name, uri, want string }{
		{"no replica set", "mongodb://" + standalone, "it is not a replica set, which transactions need: start mongod with --replSet"},
		{"no replica set, though the URI says so", "mongodb://" + standalone + "/?replicaSet=rs0&" + quick, "it is not a replica set"},
		{"never initiated", "mongodb://" + uninitiated + "/?" + quick, "its replica set was never initiated: do it once, with event-worker mongodb init"},
		{"another name", "mongodb://" + host + "/?replicaSet=rs9&" + quick, "its replica set is called rs0, not rs9 as MONGODB_URI says"},
		{"login refused", "mongodb://somebody:s3cret@" + host + "/?directConnection=true", "the login was refused: check user name, password and authSource in MONGODB_URI"},
		{"no server", "mongodb://somebody:s3cret@127.0.0.1:1/?" + quick, "no primary answers, 127.0.0.1:1: "},
		{"no MongoDB URI", "http://somebody:s3cret@127.0.0.1:1/", "it does not start with mongodb:// or mongodb+srv://"},
		{"not escaped", "mongodb://somebody:s3cret@x@" + host, "must have %XX"},
		{"nonsense", "mongodb://somebody:s3cret@" + host + "/?tls=perhaps", "it cannot be read"},
		{"no such service", "mongodb+srv://somebody:s3cret@nobody.invalid/", "looking up the servers of nobody.invalid fails"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for opening, open := range map[string]func() error{
				"Open":       func() error { _, err := mongo.Open(t.Context(), test.uri); return err },
				"OpenReader": func() error { _, err := mongo.OpenReader(t.Context(), test.uri); return err },
			} {
				err := open()
				if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("%s says: %v, want %q", opening, err, test.want)
				}
			}
		})
	}
}

// Where there is no primary, the error says what the servers are.
func TestOpenWithoutPrimary(t *testing.T) {
	t.Parallel()
	server := mongotest.Start(t)
	server.StepDown(t.Context(), 60)
	_, err := mongo.Open(t.Context(), server.URI()+"&serverSelectionTimeoutMS=3000")
	if want := "no primary answers, " + server.Address() + " is RSSecondary:"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v instead of %s", err, want)
	}
}

// admin returns a client of a database, independent of the store.
func admin(t *testing.T, uri string) *driver.Database {
	t.Helper()
	client, err := driver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client.Database(mongotest.Name(uri))
}

// indexes returns a collection's indexes with their keys.
func indexes(t *testing.T, database *driver.Database, collection string) map[string]string {
	t.Helper()
	cursor, err := database.Collection(collection).Indexes().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name string
		Key  bson.Raw
	}
	if err := cursor.All(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, index := range all {
		named[index.Name] = index.Key.String()
	}
	return named
}

// Opening a database creates what is missing; existing objects, including others'
// indexes, remain.
func TestOpenBringsTheDatabaseUpToDate(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	if _, err := mongo.OpenReader(t.Context(), uri); !errors.Is(err, mongo.ErrNoData) {
		t.Errorf("before there is anything, a reader gets: %v", err)
	}
	reopen := func() { _ = openAt(t, uri).Close() }
	reopen()
	database := admin(t, uri)
	whole := indexes(t, database, "orders")
	if len(whole) != 1+len(documents.Of("orders").Indexes) {
		t.Errorf("indexes of orders: %v", whole)
	}
	orders := database.Collection("orders").Indexes()
	if err := orders.DropOne(t.Context(), "floor"); err != nil {
		t.Fatal(err)
	}
	if err := orders.DropOne(t.Context(), "token"); err != nil {
		t.Fatal(err)
	}
	for _, index := range []driver.IndexModel{
		{Keys: bson.D{{Key: "taker", Value: 1}}, Options: options.Index().SetName("mine")},
		{Keys: bson.D{{Key: "taker", Value: -1}}, Options: options.Index().SetName("token")}, // for example an older version's
	} {
		if _, err := orders.CreateOne(t.Context(), index); err != nil {
			t.Fatal(err)
		}
	}
	reopen()
	got := indexes(t, database, "orders")
	if delete(got, "mine"); len(got) != len(whole) || got["floor"] != whole["floor"] || got["token"] != whole["token"] {
		t.Errorf("indexes %v, want %v and mine", got, whole)
	}
}

func setVersion(t *testing.T, database *driver.Database, version int) {
	t.Helper()
	if _, err := database.Collection("meta").UpdateByID(t.Context(), "schema", bson.D{{Key: "$set", Value: bson.D{{Key: "version", Value: version}}}}); err != nil {
		t.Fatal(err)
	}
}

// A database of an older version is migrated, and one of a newer version is refused.
func TestVersions(t *testing.T) {
	t.Parallel()
	uri := mongotest.Database(t)
	_ = openAt(t, uri).Close()
	database := admin(t, uri)
	if err := database.RunCommand(t.Context(), bson.D{{Key: "collMod", Value: "leases"}, {Key: "validator", Value: bson.D{}}}).Err(); err != nil {
		t.Fatal(err)
	}
	wrong := func() error {
		_, err := database.Collection("leases").InsertOne(t.Context(), bson.D{{Key: "_id", Value: "x"}, {Key: "knode", Value: "?"}})
		return err
	}
	setVersion(t, database, 0)
	_ = openAt(t, uri).Close()
	if err := wrong(); err == nil {
		t.Error("an older version's validator is still there")
	}
	setVersion(t, database, documents.Version+1)
	if _, err := mongo.Open(t.Context(), uri); err == nil || !strings.Contains(err.Error(), "newer version of this program") {
		t.Errorf("a newer version's database: %v", err)
	}
	if _, err := mongo.OpenReader(t.Context(), uri); err == nil || !strings.Contains(err.Error(), "newer version of this program") {
		t.Errorf("a newer version's database for a reader: %v", err)
	}
}
