package mongo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Import writes new documents to the collection to.Collection and takes the copy
// from one point to another, in one transaction. from is nil at a copy's beginning,
// to is nil at its end. The error is persistence.ErrOtherCopy when the copy does not
// stand at from, and names the document when one cannot be stored exactly.
func (s *Store) Import(ctx context.Context, from, to *persistence.Copying, docs []json.RawMessage) error {
	stored, err := storedForms(to, docs)
	if err != nil {
		return err
	}
	t := transaction{
		store: s,
		body: func(ctx context.Context) error {
			if err := s.advance(ctx, from, to); err != nil {
				return err
			}
			return s.insert(ctx, to.Collection, stored, docs)
		},
		landed: func(ctx context.Context) (bool, error) { return s.copiedTo(ctx, to) },
	}
	return s.work(func() error {
		if err := s.succeed(ctx, from, to); err != nil {
			return err
		}
		if len(docs) == 0 {
			return s.advanceAlone(ctx, from, to)
		}
		return t.run(ctx)
	})
}

// advanceAlone takes the copy from one point to another in one write. A transaction
// would hold up the next process if this one is killed in it: what is there does not
// name its app yet.
func (s *Store) advanceAlone(ctx context.Context, from, to *persistence.Copying) error {
	err := s.advance(ctx, from, to)
	var own ownError
	if err == nil || errors.As(err, &own) {
		return err
	}
	done, unknown := s.copiedTo(ctx, to)
	if done {
		return nil
	}
	return errors.Join(err, unknown)
}

// succeed ends what the process before has begun, if another one goes on with the
// copy.
func (s *Store) succeed(ctx context.Context, from, to *persistence.Copying) error {
	if from == nil || to == nil || from.Owner == to.Owner {
		return nil
	}
	c, err := s.copying(ctx, s.database)
	if err != nil || c == nil {
		return err
	}
	s.suspects.addApp(c.App)
	return s.endTransactions(ctx, []string{c.App})
}

// advance takes the copy from one point to another.
func (s *Store) advance(ctx context.Context, from, to *persistence.Copying) error {
	c := s.database.Collection(meta)
	if from == nil {
		_, err := c.InsertOne(ctx, copying{copyID, *to, s.app})
		if driver.IsDuplicateKeyError(err) {
			return ownError{persistence.ErrOtherCopy}
		}
		return err
	}
	at := append(byID(copyID), is("source", from.Source), is("state", from.State), is("owner", from.Owner),
		is("collection", from.Collection), is("after", from.After))
	var moved int64
	var err error
	if to == nil {
		var result *driver.DeleteResult
		if result, err = c.DeleteOne(ctx, at); err == nil {
			moved = result.DeletedCount
		}
	} else {
		var result *driver.UpdateResult
		if result, err = c.ReplaceOne(ctx, at, copying{copyID, *to, s.app}); err == nil {
			moved = result.MatchedCount
		}
	}
	if err == nil && moved == 0 {
		err = ownError{persistence.ErrOtherCopy}
	}
	return err
}

// copiedTo says whether the copy stands at a point; nil is its end.
func (s *Store) copiedTo(ctx context.Context, to *persistence.Copying) (bool, error) {
	now := s.client.Database(s.database.Name(), options.Database().SetReadConcern(readconcern.Linearizable()))
	c, err := s.copying(ctx, now)
	if err != nil || c == nil {
		return err == nil && to == nil, err
	}
	return to != nil && c.Copying == *to, nil
}

// insert inserts documents. Its error names the one that the server refuses.
func (s *Store) insert(ctx context.Context, collection string, stored []bson.Raw, docs []json.RawMessage) error {
	_, err := s.collection(collection).InsertMany(ctx, stored, options.InsertMany().SetOrdered(false))
	var bulk driver.BulkWriteException
	if errors.As(err, &bulk) && len(bulk.WriteErrors) > 0 {
		return persistence.NameCopied(collection, docs[bulk.WriteErrors[0].Index], err)
	}
	return err
}

// Clear removes all documents of an unfinished copy.
func (s *Store) Clear(ctx context.Context) error {
	return s.work(func() error {
		ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
		defer cancel()
		if c, err := s.copying(ctx, s.database); err != nil || c == nil {
			return errors.Join(err, persistence.ErrOtherCopy)
		}
		for _, c := range documents.Collections() {
			if !slices.Contains(persistence.Copied, c.Name) {
				continue
			}
			if err := s.collection(c.Name).Drop(ctx); err != nil {
				return err
			}
			if err := s.prepare(ctx, c, false); err != nil {
				return fmt.Errorf("preparing the collection %s: %w", c.Name, err)
			}
		}
		return nil
	})
}

// storedForms are documents as they are stored.
func storedForms(to *persistence.Copying, docs []json.RawMessage) ([]bson.Raw, error) {
	stored := make([]bson.Raw, len(docs))
	c := codec{documents.Registry()}
	for i, doc := range docs {
		var err error
		if stored[i], err = c.storedForm(to.Collection, doc); err != nil {
			return nil, persistence.NameCopied(to.Collection, doc, err)
		}
	}
	return stored, nil
}

// codec turns documents into BSON and back as the client does.
type codec struct{ registry *bson.Registry }

func (c codec) storedForm(collection string, doc json.RawMessage) (bson.Raw, error) {
	switch collection {
	case persistence.Orders:
		return formOf(c, doc, func(o documents.Order) documents.Order { return documents.OfOrder(o.Order) })
	case persistence.Activities:
		return formOf(c, doc, func(a documents.Activity) documents.Activity { return documents.OfActivity(a.Activity) })
	case persistence.Records:
		return formOf(c, doc, func(r documents.Record) documents.Record { return documents.OfRecord(r.Record) })
	case persistence.Notifications:
		return formOf(c, doc, func(n documents.Notification) documents.Notification { return documents.OfNotification(n.Notification) })
	case persistence.DeadLetters:
		return formOf(c, doc, func(d documents.DeadLetter) documents.DeadLetter { return documents.OfDeadLetter(d.DeadLetter) })
	case persistence.Actors:
		return formOf(c, doc, func(a documents.Actor) documents.Actor { return a })
	case persistence.Leases:
		return formOf(c, doc, func(l documents.Lease) documents.Lease { return l })
	}
	return nil, persistence.UnknownCollection(collection)
}

// formOf is the stored form of a document, which makes the same document again.
// complete adds the fields that its JSON form does not have.
func formOf[T any](c codec, doc json.RawMessage, complete func(T) T) (bson.Raw, error) {
	var v, again T
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	stored, err := documents.Marshal(c.registry, complete(v))
	if err != nil {
		return nil, err
	}
	if err := c.decode(stored, &again); err != nil {
		return nil, err
	}
	text, err := json.Marshal(again)
	if err != nil {
		return nil, err
	}
	return stored, persistence.CheckCopy(doc, text)
}

func (c codec) decode(stored bson.Raw, into any) error {
	d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(stored)))
	d.SetRegistry(c.registry)
	return d.Decode(into)
}
