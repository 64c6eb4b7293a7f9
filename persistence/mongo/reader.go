package mongo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// firstAnswer bounds the time that a query takes to return its first documents. The
// client's timeout bounds every later batch.
const firstAnswer = 5 * time.Minute

// Reader answers queries.
type Reader struct {
	client   *driver.Client
	database *driver.Database
	address  Address
	gate     gate
	reported snapshotTime // the newest one whose position Newest has returned
}

// Close waits for the queries in progress and closes the connections.
func (r *Reader) Close() error {
	if !r.gate.close() {
		return errClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	return r.client.Disconnect(ctx)
}

// gate admits calls until it is closed.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.inside.Add(1)
	}
	return !g.closed
}

func (g *gate) leave() { g.inside.Done() }

// close waits for all calls to leave; false if the gate was closed already.
func (g *gate) close() bool {
	g.mu.Lock()
	first := !g.closed
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
	return first
}

// Query implements persistence.Store.
func (r *Reader) Query(ctx context.Context, query persistence.Query) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		err := r.query(ctx, query, func(doc json.RawMessage) bool { return yield(doc, nil) })
		if err != nil {
			yield(nil, r.explain(err))
		}
	}
}

func (r *Reader) query(ctx context.Context, query persistence.Query, yield func(json.RawMessage) bool) error {
	if !r.gate.enter() {
		return errClosed
	}
	defer r.gate.leave()
	return r.unlessBehind(ctx, func() error {
		return r.inSnapshot(ctx, func(session *driver.Session) error { return r.querySnapshot(ctx, session, query, yield) })
	})
}

// querySnapshot runs a query on the snapshot of a session.
func (r *Reader) querySnapshot(ctx context.Context, session *driver.Session, query persistence.Query, yield func(json.RawMessage) bool) error {
	asJSON, ok := forms[query.Collection]
	if !ok {
		return persistence.UnknownCollection(query.Collection)
	}
	inSession := driver.NewSessionContext(ctx, session)
	cursor, err := r.search(inSession, query)
	if err != nil {
		return err
	}
	defer cursor.Close(context.WithoutCancel(inSession))
	if r.reported.isAfter(session.SnapshotTime()) {
		return errBehind
	}
	for cursor.Next(inSession) {
		doc, err := asJSON(cursor.Current)
		if err != nil {
			return fmt.Errorf("stored %s %v is damaged: %w", query.Collection, cursor.Current.Lookup("_id"), err)
		}
		if !yield(doc) {
			return nil
		}
	}
	return cursor.Err()
}

// search starts a query.
func (r *Reader) search(ctx context.Context, query persistence.Query) (*driver.Cursor, error) {
	t := terms{documents.Of(query.Collection)}
	filter, err := t.filter(query.Filter.Condition)
	if err != nil {
		return nil, err
	}
	sort, err := t.sort(query.Sort)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	pipeline := driver.Pipeline{{{Key: "$match", Value: filter}}}
	pipeline = append(pipeline, sort...)
	if query.Limit > 0 {
		pipeline = append(pipeline, bson.D{{Key: "$limit", Value: query.Limit}})
	}
	return r.database.Collection(query.Collection).Aggregate(ctx, pipeline, options.Aggregate().SetAllowDiskUse(true))
}

// forms convert a collection's documents to JSON.
var forms = map[string]func(bson.Raw) (json.RawMessage, error){
	persistence.Orders:     form[documents.Order],
	persistence.Activities: form[documents.Activity],
	persistence.Records:    form[documents.Record],

	persistence.SignedOrders:  func(raw bson.Raw) (json.RawMessage, error) { return documents.SignedJSON(raw), nil },
	persistence.Notifications: form[documents.Notification],
	persistence.DeadLetters:   form[documents.DeadLetter],
	persistence.Currencies:    form[documents.KnownCurrency],
	persistence.MetadataDocs:  form[documents.Metadata],
	persistence.Audits:        form[documents.Audit],
	persistence.Actors:        form[documents.Actor],
	persistence.Leases:        form[documents.Lease],
	persistence.Nodes:         form[documents.Node],
	persistence.Requests:      form[documents.Request],
	persistence.Hooks:         form[documents.Hook],
	persistence.DeadHooks:     form[documents.DeadHook],
}

// registry decodes free-form values.
var registry = documents.Registry()

func form[T any](raw bson.Raw) (json.RawMessage, error) {
	var doc T
	decoder := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(raw)))
	decoder.SetRegistry(registry)
	if err := decoder.Decode(&doc); err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}

// sort returns the pipeline stages that sort. Documents without the field come first.
func (t terms) sort(keys []persistence.SortKey) (driver.Pipeline, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var order, digits bson.D
	var helpers bson.A
	for _, key := range keys {
		if list, _ := t.of.List(key.Path); list != "" {
			return nil, fmt.Errorf("sort: %s is in a list, of which there are several", key.Path)
		}
		direction := 1
		if key.Descending {
			direction = -1
		}
		form := t.of.At(key.Path).SortForm
		switch {
		case form != "":
			order = append(order, bson.E{Key: form, Value: direction})
		case t.of.Kind(key.Path) == persistence.AmountField:
			helper := fmt.Sprint("digits", len(digits))
			text := bson.D{{Key: "$ifNull", Value: bson.A{"$" + key.Path, ""}}}
			digits = append(digits, bson.E{Key: helper, Value: bson.D{{Key: "$strLenBytes", Value: text}}})
			helpers = append(helpers, helper)
			order = append(order, bson.E{Key: helper, Value: direction}, bson.E{Key: key.Path, Value: direction})
		default:
			order = append(order, bson.E{Key: key.Path, Value: direction})
		}
	}
	stages := driver.Pipeline{{{Key: "$sort", Value: order}}}
	if len(digits) > 0 {
		stages = driver.Pipeline{{{Key: "$set", Value: digits}}, stages[0], {{Key: "$unset", Value: helpers}}}
	}
	return stages, nil
}
