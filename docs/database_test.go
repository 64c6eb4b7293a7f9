package docs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence/documents"
)

// database is a database that is asked as mongosh asks it.
type database struct{ *mongo.Database }

func connect(t *testing.T, uri string) database {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetRegistry(documents.Registry()).
		SetBSONOptions(&options.BSONOptions{OmitZeroStruct: true}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return database{client.Database(mongotest.Name(uri))}
}

// request is a call as the server is told it, and what the answer is.
type request struct {
	command bson.D
	answer  func(ctx context.Context) (any, error)
	limited bool // it asks for so many documents and no more
}

// request understands a call.
func (db database) request(c call) (request, error) {
	what, more := c.methods[0], c.methods[1:]
	if len(more) > 0 && what.name != "find" {
		return request{}, fmt.Errorf("%s behind %s", more[0].name, what.name)
	}
	switch what.name {
	case "find":
		return db.find(c.collection, what, more)
	case "findOne":
		r, err := db.find(c.collection, what, []method{{"limit", []any{1}}})
		all := r.answer
		r.answer = func(ctx context.Context) (any, error) { return first(all(ctx)) }
		return r, err
	case "countDocuments":
		r := db.aggregate(c.collection, bson.A{
			bson.D{{Key: "$match", Value: what.argument(0)}},
			bson.D{{Key: "$count", Value: "n"}},
		})
		all := r.answer
		r.answer = func(ctx context.Context) (any, error) { return counted(all(ctx)) }
		return r, nil
	case "aggregate":
		return db.aggregate(c.collection, what.argument(0)), nil
	case "updateOne":
		return db.updateOne(c.collection, what.argument(0), what.argument(1)), nil
	}
	return request{}, fmt.Errorf("unknown method %s", what.name)
}

// argument is an argument of a method, by default an empty document.
func (m method) argument(i int) any {
	if i < len(m.args) {
		return m.args[i]
	}
	return bson.D{}
}

func (db database) find(collection string, find method, more []method) (request, error) {
	r := request{command: bson.D{
		{Key: "find", Value: collection}, {Key: "filter", Value: find.argument(0)}, {Key: "projection", Value: find.argument(1)},
	}}
	for _, m := range more {
		if m.name != "sort" && m.name != "limit" {
			return request{}, fmt.Errorf("%s behind find", m.name)
		}
		r.command = append(r.command, bson.E{Key: m.name, Value: m.argument(0)})
		r.limited = r.limited || m.name == "limit"
	}
	r.answer = func(ctx context.Context) (any, error) { return db.all(ctx, r.command) }
	return r, nil
}

func (db database) aggregate(collection string, pipeline any) request {
	command := bson.D{{Key: "aggregate", Value: collection}, {Key: "pipeline", Value: pipeline}, {Key: "cursor", Value: bson.D{}}}
	return request{command: command, answer: func(ctx context.Context) (any, error) { return db.all(ctx, command) }}
}

func (db database) updateOne(collection string, filter, update any) request {
	command := bson.D{{Key: "update", Value: collection}, {Key: "updates", Value: bson.A{bson.D{{Key: "q", Value: filter}, {Key: "u", Value: update}}}}}
	return request{command: command, answer: func(ctx context.Context) (any, error) {
		result, err := db.Collection(collection).UpdateOne(ctx, filter, update)
		if err != nil {
			return nil, err
		}
		return bson.D{
			{Key: "acknowledged", Value: result.Acknowledged}, {Key: "insertedId", Value: result.UpsertedID},
			{Key: "matchedCount", Value: int32(result.MatchedCount)}, {Key: "modifiedCount", Value: int32(result.ModifiedCount)}, {Key: "upsertedCount", Value: int32(result.UpsertedCount)},
		}, nil
	}}
}

// all is the documents that a command finds.
func (db database) all(ctx context.Context, command bson.D) (any, error) {
	cursor, err := db.RunCommandCursor(ctx, command)
	if err != nil {
		return nil, err
	}
	var docs []bson.D
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, err
	}
	list := bson.A{}
	for _, doc := range docs {
		list = append(list, doc)
	}
	return list, nil
}

func first(docs any, err error) (any, error) {
	if list, _ := docs.(bson.A); len(list) > 0 {
		return list[0], nil
	}
	return nil, err
}

func counted(docs any, err error) (any, error) {
	counts, err := first(docs, err)
	if doc, ok := counts.(bson.D); ok {
		return doc[0].Value, nil
	}
	return int32(0), err
}

// What mongosh shows for an error: the server's message, and what it says beside it.
const (
	refusal = "MongoServerError: "
	details = "\nAdditional information: "
)

// output is what mongosh prints of an answer.
func output(answer any, err error) (string, error) {
	var refused mongo.WriteException
	if !errors.As(err, &refused) || len(refused.WriteErrors) != 1 {
		return printed(answer), err
	}
	var why bson.D
	err = bson.Unmarshal(refused.WriteErrors[0].Details, &why)
	return refusal + refused.WriteErrors[0].Message + details + printed(why), err
}

// normal is a page's output as output would have it.
func normal(text string) (string, error) {
	message, value, refused := strings.Cut(strings.TrimSpace(text), details)
	if refused {
		message += details
	} else {
		message, value = "", message
	}
	v, err := parseValue(value)
	return message + printed(v), err
}
