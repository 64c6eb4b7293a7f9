package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
)

func TestMain(m *testing.M) { os.Exit(mongotest.Main(m)) }

// recorded returns the transactions in the oplog of operations on a database.
func recorded(t *testing.T, do func(ctx context.Context, client *mongo.Client, db *mongo.Database)) []Transaction {
	t.Helper()
	uri := mongotest.Database(t)
	name := mongotest.Name(uri)
	oplog, err := Open(t.Context(), uri, name)
	if err != nil {
		t.Fatal(err)
	}
	defer oplog.Close()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.Background())
	do(t.Context(), client, client.Database(name))
	var all []Transaction
	if err := oplog.Drain(t.Context(), func(tr Transaction) { all = append(all, tr) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func ok[T any](t *testing.T) func(T, error) {
	return func(_ T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// For every kind of write to a single document, the changes reproduce the document.
func TestChangesLeadToTheDocument(t *testing.T) {
	id := bson.D{{Key: "_id", Value: "a"}}
	var want bson.D
	all := recorded(t, func(ctx context.Context, _ *mongo.Client, db *mongo.Database) {
		actors := db.Collection(persistence.Actors)
		ok[*mongo.InsertOneResult](t)(actors.InsertOne(ctx, bson.D{{Key: "_id", Value: "a"}, {Key: "seq", Value: 1}, {Key: "hash", Value: "x"}, {Key: "pending", Value: bson.D{{Key: "seq", Value: 1}}}}))
		ok[*mongo.InsertOneResult](t)(db.Collection("others").InsertOne(ctx, bson.D{{Key: "_id", Value: "a"}}))
		for _, update := range []string{
			`{"$set": {"seq": 2, "head": 9}, "$unset": {"hash": ""}}`,
			`{"$set": {"pending.seq": 3}}`,
			`{"$inc": {"seq": 1}, "$set": {"hash": "y"}, "$unset": {"pending": ""}, "$currentDate": {"at": true}}`,
		} {
			var u bson.D
			if err := bson.UnmarshalExtJSON([]byte(update), false, &u); err != nil {
				t.Fatal(err)
			}
			ok[*mongo.UpdateResult](t)(actors.UpdateOne(ctx, id, u))
		}
		if err := actors.FindOne(ctx, id).Decode(&want); err != nil {
			t.Fatal(err)
		}
		ok[*mongo.UpdateResult](t)(actors.ReplaceOne(ctx, id, bson.D{{Key: "seq", Value: 7}}))
		ok[*mongo.DeleteResult](t)(actors.DeleteOne(ctx, id))
	})
	if len(all) != 6 {
		t.Fatalf("%d changes, want 6: %+v", len(all), all)
	}
	var doc document
	for _, tr := range all[:4] {
		var err error
		if doc, err = doc.after(tr.Changes[0]); err != nil {
			t.Fatal(err)
		}
		if tr.At.IsZero() || tr.Changes[0].ID != "a" {
			t.Errorf("%+v", tr)
		}
	}
	if got := inOrder(doc); got != inOrder(want) {
		t.Errorf("the changes lead to %s, the document is %s", got, inOrder(want))
	}
	if doc, _ = doc.after(all[4].Changes[0]); doc.number("seq") != 7 || doc.has("hash") {
		t.Errorf("after a replacement it is %v", doc)
	}
	if !all[5].Changes[0].Deleted {
		t.Errorf("a deletion is %+v", all[5])
	}
}

// inOrder formats a document with its fields sorted by name.
func inOrder(doc any) string {
	raw, err := bson.Marshal(doc)
	if err != nil {
		panic(err)
	}
	var fields map[string]any
	if err := bson.Unmarshal(raw, &fields); err != nil {
		panic(err)
	}
	return fmt.Sprint(fields)
}

// A transaction takes effect atomically, however many entries of the oplog it has, and
// an aborted one has no effect.
func TestTransactions(t *testing.T) {
	const documents = 40
	aborted := errors.New("aborted")
	all := recorded(t, func(ctx context.Context, client *mongo.Client, db *mongo.Database) {
		actors := db.Collection(persistence.Actors)
		for _, end := range []error{nil, aborted} {
			err := client.UseSession(ctx, func(ctx context.Context) error {
				_, err := mongo.SessionFromContext(ctx).WithTransaction(ctx, func(ctx context.Context) (any, error) {
					for i := range documents { // more than the 16 MB of one entry
						doc := bson.D{{Key: "_id", Value: fmt.Sprint(i, end)}, {Key: "large", Value: strings.Repeat("x", 1<<19)}}
						if _, err := actors.InsertOne(ctx, doc); err != nil {
							return nil, err
						}
					}
					return nil, end
				})
				return err
			})
			if !errors.Is(err, end) {
				t.Fatal(err)
			}
		}
	})
	if len(all) != 1 || len(all[0].Changes) != documents || all[0].At.IsZero() {
		t.Fatalf("%d transactions, the first at %v", len(all), all[0].At)
	}
}

// Entries that the server has dropped are an error.
func TestLost(t *testing.T) {
	uri := mongotest.Database(t)
	oplog, err := Open(t.Context(), uri, mongotest.Name(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer oplog.Close()
	oplog.after = bson.Timestamp{T: 1}
	if err := oplog.Read(t.Context(), func(Transaction) {}); !errors.Is(err, ErrLost) {
		t.Errorf("the error is %v", err)
	}
}

// A prepared transaction, as in sharded clusters, takes effect when it is committed, and
// has no effect when it is aborted.
func TestPreparedTransactions(t *testing.T) {
	o := &Oplog{database: "db", collections: Ownership, open: map[string]*Transaction{}}
	command := func(number int64, fields ...bson.E) *Transaction {
		t.Helper()
		done, err := o.transaction(entry{Op: "c", NS: "admin.$cmd", O: raw(fields), TxnNumber: number})
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	insert := func(id string) bson.E {
		return field("applyOps", bson.A{bson.D{field("op", "i"), field("ns", "db.actors"), field("o", bson.D{field("_id", id)})}})
	}
	for number, end := range []string{"commitTransaction", "abortTransaction", "commitTransaction"} {
		n := int64(number % 2) // the third has the number of the first
		if command(n, insert("a"), field("partialTxn", true)) != nil || command(n, insert("b"), field("prepare", true)) != nil {
			t.Fatal("it takes effect before its end")
		}
		done := command(n, field(end, 1))
		if committed := end == "commitTransaction"; (done != nil) != committed || committed && len(done.Changes) != 2 {
			t.Errorf("%s: %+v", end, done)
		}
	}
	if len(o.open) > 0 {
		t.Errorf("left open: %v", o.open)
	}
	command(1, insert("a"), field("prepare", true))
	command(1, field("abortTransaction", 1))
	if done := command(1, insert("c")); done == nil || len(done.Changes) != 1 {
		t.Errorf("after one that was aborted: %+v", done)
	}
}
