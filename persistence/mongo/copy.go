package mongo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Count implements transfer.Source.
func (r *Reader) Count(ctx context.Context, collection string) (n int64, err error) {
	if _, ok := forms[collection]; !ok {
		return 0, persistence.UnknownCollection(collection)
	}
	err = r.read(ctx, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, firstAnswer)
		defer cancel()
		n, err = r.database.Collection(collection).CountDocuments(ctx, bson.D{}, options.Count().SetHint("_id_"))
		return err
	})
	return n, err
}

// Batch implements transfer.Source. A position is a document's key.
func (r *Reader) Batch(ctx context.Context, collection, after string, limit int) (docs []json.RawMessage, last string, err error) {
	form, ok := forms[collection]
	if !ok {
		return nil, "", persistence.UnknownCollection(collection)
	}
	err = r.read(ctx, func() error {
		docs, last = nil, after
		filter, o := bson.D{}, options.Find().SetSort(byKey).SetHint(byKey).SetLimit(int64(limit))
		if after != "" { // a filter would only match keys of the same type
			key := documents.DocumentID(after)
			filter = bson.D{is("_id", bson.D{is("$ne", key)})}
			o.SetMin(bson.D{is("_id", key)})
		}
		cursor, err := r.database.Collection(collection).Find(ctx, filter, o)
		if err != nil {
			return err
		}
		defer cursor.Close(context.WithoutCancel(ctx))
		for size := 0; size < persistence.BatchBytes && cursor.Next(ctx); size += len(docs[len(docs)-1]) {
			id := cursor.Current.Lookup("_id")
			doc, err := form(cursor.Current)
			if err != nil {
				return fmt.Errorf("stored %s %v is damaged: %w", collection, id, err)
			}
			docs, last = append(docs, doc), string(documents.IDOf(id))
		}
		return cursor.Err()
	})
	return docs, last, err
}

// read runs a read, retries it while the server is briefly unavailable, and explains its
// error.
func (r *Reader) read(ctx context.Context, read func() error) error {
	if !r.gate.enter() {
		return errClosed
	}
	defer r.gate.leave()
	return r.explain(retry(ctx, read))
}

// copyID is the key in the collection meta under which an unfinished copy is kept.
const copyID = "copy"

// Copying implements transfer.Target.
func (r *Reader) Copying(ctx context.Context) (*persistence.Copying, error) {
	var at persistence.Copying
	err := r.read(ctx, func() error { return r.database.Collection(meta).FindOne(ctx, byID(copyID)).Decode(&at) })
	if errors.Is(err, driver.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &at, nil
}

// RefuseCopy returns ErrUnfinishedCopy if the database holds an unfinished copy.
func (r *Reader) RefuseCopy(ctx context.Context) error {
	at, err := r.Copying(ctx)
	if err != nil || at == nil {
		return err
	}
	return r.explain(at.Unfinished())
}

// Process implements transfer.Target.
func (s *Store) Process() string { return s.app }

// Import implements transfer.Target. Repeating an import does no harm: documents replace those
// with the same keys.
func (s *Store) Import(ctx context.Context, owner string, to *persistence.Copying, docs []json.RawMessage) error {
	models := make([]driver.WriteModel, len(docs))
	for i, doc := range docs {
		stored, err := s.storedForm(to.Collection, doc)
		if err != nil {
			return persistence.NameCopied(to.Collection, doc, err)
		}
		models[i] = replacement(stored.Lookup("_id"), stored)
	}
	write := func(ctx context.Context) error {
		if err := s.mark(ctx, owner, to); err != nil {
			return err
		}
		_, err := s.collection(to.Collection).BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
		var bulk driver.BulkWriteException
		if errors.As(err, &bulk) && len(bulk.WriteErrors) > 0 {
			return persistence.NameCopied(to.Collection, docs[bulk.WriteErrors[0].Index], err)
		}
		return err
	}
	return s.work(func() error {
		if len(docs) > 0 {
			return retry(ctx, func() error { return s.runIdempotent(ctx, write) })
		}
		if owner != "" && owner != s.app { // the previous owner may have been killed within a transaction
			s.suspects.addApp(owner)
			if err := s.endTransactions(ctx, []string{owner}); err != nil {
				return err
			}
		}
		// Not in a transaction: if the process were killed within it, the next owner
		// would wait until the server aborts the transaction.
		return retry(ctx, func() error { return s.mark(ctx, owner, to) })
	})
}

// mark records to as the state of the copy, provided that owner owns the copy; nil
// removes the state.
func (s *Store) mark(ctx context.Context, owner string, to *persistence.Copying) error {
	c := s.collection(meta)
	if to == nil {
		result, err := c.DeleteOne(ctx, append(byID(copyID), is("owner", owner)))
		if transient(err) {
			if at, failed := s.Copying(ctx); failed == nil && at == nil {
				return nil // only the answer was lost
			}
		}
		if err == nil && result.DeletedCount == 0 {
			err = ownError{persistence.ErrOtherCopy}
		}
		return err
	}
	result, err := c.ReplaceOne(ctx, append(byID(copyID), in("owner", []string{owner, to.Owner})), to, options.Replace().SetUpsert(owner == ""))
	if driver.IsDuplicateKeyError(err) || err == nil && result.MatchedCount+result.UpsertedCount == 0 {
		err = ownError{persistence.ErrOtherCopy}
	}
	return err
}

// Clear implements transfer.Target.
func (s *Store) Clear(ctx context.Context) error {
	return s.work(func() error {
		ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
		defer cancel()
		if at, err := s.Copying(ctx); err != nil || at == nil {
			return errors.Join(err, persistence.ErrOtherCopy)
		}
		for _, collection := range persistence.Copied {
			if err := s.collection(collection).Drop(ctx); err != nil {
				return err
			}
		}
		return s.migrate(ctx)
	})
}

// storedForm returns a document as MongoDB keeps it.
func (s *Store) storedForm(collection string, doc json.RawMessage) (bson.Raw, error) {
	switch collection {
	case persistence.Orders:
		return storedForm(s.registry, doc, func(o documents.Order) any { return documents.OfOrder(o.Order) })
	case persistence.Activities:
		return storedForm(s.registry, doc, func(a documents.Activity) any { return documents.OfActivity(a.Activity) })
	case persistence.Records:
		return storedForm(s.registry, doc, func(r documents.Record) any { return documents.OfRecord(r.Record) })
	case persistence.Notifications:
		return storedForm(s.registry, doc, func(n documents.Notification) any { return documents.OfNotification(n.Notification) })
	case persistence.SignedOrders:
		return storedForm(s.registry, doc, func(o documents.SignedOrder) any { return o })
	case persistence.DeadLetters:
		return storedForm(s.registry, doc, func(d documents.DeadLetter) any { return documents.OfDeadLetter(d.DeadLetter) })
	case persistence.Actors:
		return storedForm(s.registry, doc, func(a documents.Actor) any { return a })
	case persistence.Currencies:
		return storedForm(s.registry, doc, func(c documents.KnownCurrency) any { return c })
	case persistence.MetadataDocs:
		return storedForm(s.registry, doc, func(m documents.Metadata) any { return m })
	case persistence.Audits:
		return storedForm(s.registry, doc, func(a documents.Audit) any { return a })
	case persistence.Leases:
		return storedForm(s.registry, doc, func(l documents.Lease) any { return l })
	}
	return nil, persistence.UnknownCollection(collection)
}

// storedForm encodes a document, and decodes the result to check it. complete adds the
// fields that are missing from the JSON form.
func storedForm[T any](registry *bson.Registry, doc json.RawMessage, complete func(T) any) (bson.Raw, error) {
	var v, again T
	j := json.NewDecoder(bytes.NewReader(doc))
	j.UseNumber()
	if err := j.Decode(&v); err != nil {
		return nil, err
	}
	stored, err := documents.Marshal(registry, complete(v))
	if err != nil {
		return nil, err
	}
	b := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(stored)))
	b.SetRegistry(registry)
	if err := b.Decode(&again); err != nil {
		return nil, err
	}
	text, err := json.Marshal(again)
	if err != nil {
		return nil, err
	}
	return stored, persistence.CheckCopy(doc, text)
}
