package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
)

// Oplog reads MongoDB's record of the writes to some collections of a database
// (local.oplog.rs), from the time at which it was opened. Only entries that a majority
// has are read: others may be rolled back.
type Oplog struct {
	client      *mongo.Client
	database    string
	collections []string
	after       bson.Timestamp
	open        map[string]*Transaction // of transactions of several entries, by session and number
}

// ErrLost means that the server has already dropped entries that were not read: the oplog
// is too small, or was read too rarely.
var ErrLost = errors.New("the oplog no longer has what follows the last entry read")

// Open opens the oplog of a URI's server for collections of one database: actors and leases
// unless others are named.
func Open(ctx context.Context, uri, database string, collections ...string) (*Oplog, error) {
	if len(collections) == 0 {
		collections = Ownership
	}
	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetTimeout(10 * time.Second).SetReadConcern(readconcern.Majority()))
	if err != nil {
		return nil, err
	}
	o := &Oplog{client: client, database: database, collections: collections, open: map[string]*Transaction{}}
	if o.after, _, err = o.end(ctx); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// Close closes the connection.
func (o *Oplog) Close() error { return o.client.Disconnect(context.Background()) }

// end returns the time of the last entry, and of the last one that a majority has.
func (o *Oplog) end(ctx context.Context) (last, majority bson.Timestamp, err error) {
	var hello struct {
		LastWrite struct {
			OpTime         struct{ TS bson.Timestamp }
			MajorityOpTime struct{ TS bson.Timestamp } `bson:"majorityOpTime"`
		} `bson:"lastWrite"`
	}
	err = o.client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	return hello.LastWrite.OpTime.TS, hello.LastWrite.MajorityOpTime.TS, err
}

// Read passes the transactions since the last call to take, in order. After an error it
// may be called again, and continues.
func (o *Oplog) Read(ctx context.Context, take func(Transaction)) error {
	oplog := o.client.Database("local").Collection("oplog.rs")
	var oldest struct{ TS bson.Timestamp }
	if err := oplog.FindOne(ctx, bson.D{}, options.FindOne().SetSort(bson.D{{Key: "$natural", Value: 1}})).Decode(&oldest); err != nil {
		return err
	}
	if oldest.TS.After(o.after) {
		return ErrLost
	}
	concerned := bson.A{bson.D{{Key: "op", Value: "c"}, {Key: "ns", Value: "admin.$cmd"}}} // transactions
	for _, collection := range o.collections {
		concerned = append(concerned, bson.D{{Key: "ns", Value: o.database + "." + collection}})
	}
	cursor, err := oplog.Find(ctx, bson.D{{Key: "ts", Value: bson.D{{Key: "$gt", Value: o.after}}}, {Key: "$or", Value: concerned}})
	if err != nil {
		return err
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	for cursor.Next(ctx) {
		var e entry
		if err := cursor.Decode(&e); err != nil {
			return fmt.Errorf("oplog entry: %w", err)
		}
		done, err := o.transaction(e)
		if err != nil {
			return fmt.Errorf("oplog entry at %v: %w", e.TS, err)
		}
		o.after = e.TS
		if done != nil && len(done.Changes) > 0 {
			take(*done)
		}
	}
	return cursor.Err()
}

// Drain reads up to the end of the oplog at the time of the call.
func (o *Oplog) Drain(ctx context.Context, take func(Transaction)) error {
	goal, majority, err := o.end(ctx)
	for ; err == nil && goal.After(majority); _, majority, err = o.end(ctx) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err != nil {
		return err
	}
	return o.Read(ctx, take)
}

// entry is an entry of the oplog. A transaction may have several: each contains some of
// its operations, and all but the last are partial. A prepared transaction takes effect
// with the entry of its commit.
type entry struct {
	TS        bson.Timestamp
	Wall      time.Time
	Op, NS    string
	O, O2     bson.Raw
	Session   bson.Raw `bson:"lsid"`
	TxnNumber int64    `bson:"txnNumber"`
}

// command is the content of a command's entry.
type command struct {
	Ops     []operation `bson:"applyOps"`
	Partial bool        `bson:"partialTxn"`
	Prepare bool
	Commit  int `bson:"commitTransaction"`
	Abort   int `bson:"abortTransaction"`
}

type operation struct {
	Op, NS string
	O, O2  bson.Raw
}

// transaction returns the transaction that takes effect with an entry; nil if none does
// yet.
func (o *Oplog) transaction(e entry) (*Transaction, error) {
	if e.Op != "c" {
		t := &Transaction{At: e.Wall, TS: e.TS}
		return t, o.add(t, operation{e.Op, e.NS, e.O, e.O2})
	}
	var c command
	if err := bson.Unmarshal(e.O, &c); err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%x %d", []byte(e.Session), e.TxnNumber)
	t := o.open[key]
	if t == nil {
		t = new(Transaction)
	}
	for _, op := range c.Ops {
		if err := o.add(t, op); err != nil {
			return nil, err
		}
	}
	switch {
	case c.Abort != 0:
		delete(o.open, key)
		return nil, nil
	case c.Partial || c.Prepare:
		o.open[key] = t
		return nil, nil
	}
	delete(o.open, key)
	t.At, t.TS = e.Wall, e.TS
	return t, nil
}

// add adds the change of an operation to a transaction, if it is on one of the collections.
func (o *Oplog) add(t *Transaction, op operation) error {
	collection, ok := strings.CutPrefix(op.NS, o.database+".")
	if !ok || !slices.Contains(o.collections, collection) {
		return nil
	}
	c := Change{Collection: collection}
	var err error
	switch op.Op {
	case "i":
		c.Whole, c.Set, err = true, op.O, nil
		c.ID, err = idOf(op.O)
	case "d":
		c.Deleted = true
		c.ID, err = idOf(op.O)
	case "u":
		if c.ID, err = idOf(op.O2); err == nil {
			err = c.update(op.O)
		}
	case "n":
		return nil
	default:
		err = fmt.Errorf("unknown operation %q", op.Op)
	}
	t.Changes = append(t.Changes, c)
	return err
}

func idOf(doc bson.Raw) (string, error) {
	id, ok := doc.Lookup("_id").StringValueOK()
	if !ok {
		return "", fmt.Errorf("the _id is not a string: %v", doc)
	}
	return id, nil
}

// update decodes an update: a whole document, or a delta (version 2 of MongoDB's deltas:
// fields inserted, updated, deleted, and deltas of subdocuments, which are not needed
// here).
func (c *Change) update(o bson.Raw) error {
	version, delta := o.Lookup("$v").AsInt64OK()
	if !delta {
		c.Whole, c.Set = true, o
		return nil
	}
	if version != 2 {
		return fmt.Errorf("an update of version %d, not 2", version)
	}
	var diff struct {
		Diff struct{ U, I, D bson.D }
	}
	if err := bson.Unmarshal(o, &diff); err != nil {
		return err
	}
	for _, e := range diff.Diff.D {
		c.Unset = append(c.Unset, e.Key)
	}
	set, err := bson.Marshal(append(append(bson.D{}, diff.Diff.U...), diff.Diff.I...))
	c.Set = set
	return err
}
