package mongo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/persistence"
)

var _ persistence.Feed = (*Reader)(nil)

// The pauses before a feed is reopened after a transient error.
const (
	firstFeedPause = 100 * time.Millisecond
	maxFeedPause   = 5 * time.Second
)

// Newest implements persistence.Feed. It reads a majority snapshot, which is never rolled
// back, and opens a change stream at the snapshot's time. A later query reads no older
// snapshot: the same primary has none, and that of a new primary is refused until it is as
// new (unlessBehind).
func (r *Reader) Newest(ctx context.Context) (at string, err error) {
	err = r.read(ctx, func() error {
		session, err := r.client.StartSession(options.Session().SetSnapshot(true))
		if err != nil {
			return err
		}
		defer session.EndSession(context.WithoutCancel(ctx))
		err = r.database.Collection(meta).FindOne(driver.NewSessionContext(ctx, session), bson.D{}).Err()
		if err != nil && !errors.Is(err, driver.ErrNoDocuments) {
			return err
		}
		next := session.SnapshotTime()
		if next.IsZero() { // there is no collection, and so no snapshot
			return ErrNoData
		}
		r.reported.raise(next)
		next.I++ // the stream includes changes at its start time
		stream, err := r.openFeed(ctx, nil, options.ChangeStream().SetStartAtOperationTime(&next).SetBatchSize(0))
		if err != nil {
			return err
		}
		defer closeStream(stream)
		at, err = feedPosition(stream.ResumeToken())
		return err
	})
	return at, err
}

// Changes implements persistence.Feed. It follows a change stream, and after a transient
// error opens another one at the position of the last change.
//
// Orders, activities, records, notifications and dead letters are only inserted and
// replaced as a whole, so the stream's events contain their documents. Documents of other
// collections are updated, as are notifications that a receiver marks as read: for an
// update, a change contains the document at the time of reading.
func (r *Reader) Changes(ctx context.Context, after string, collections []string) iter.Seq2[persistence.Change, error] {
	return func(yield func(persistence.Change, error) bool) {
		f := feed{reader: r, collections: collections, at: after}
		err := persistence.CheckFeedCollections(collections)
		if err == nil {
			err = f.check(ctx)
		}
		if err == nil {
			err = r.explainFeed(f.follow(ctx, func(c persistence.Change) bool { return yield(c, nil) }))
		}
		if err != nil {
			yield(persistence.Change{}, err)
		}
	}
}

// Reached implements persistence.Feed. Resume tokens are in the order of their changes.
func (r *Reader) Reached(position, other string) bool { return position >= other }

// explainFeed is explain for an error of a feed, except for those of its position.
func (r *Reader) explainFeed(err error) error {
	switch {
	case errors.Is(err, persistence.ErrPositionInvalid), errors.Is(err, persistence.ErrPositionGone):
		return err
	}
	return r.explain(err)
}

// feed is the state of one call of Changes.
type feed struct {
	reader      *Reader
	collections []string
	at          string // the last position that was yielded
	failures    int    // since then
}

// errEnough means that the caller has stopped iterating.
var errEnough = errors.New("enough")

// follow yields changes until the caller stops iterating.
func (f *feed) follow(ctx context.Context, yield func(persistence.Change) bool) error {
	for {
		err := f.stream(ctx, yield)
		switch {
		case errors.Is(err, errEnough):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !interrupted(err):
			return err
		}
		f.failures++
		if err := backoff.Sleep(ctx, backoff.Jittered(f.failures, firstFeedPause, maxFeedPause)); err != nil {
			return err
		}
	}
}

// check returns ErrPositionInvalid if the position is not a resume token, or is later than
// all changes: a stream would wait for the server's clock to reach it.
func (f *feed) check(ctx context.Context) error {
	if !isFeedPosition(f.at) {
		return persistence.ErrPositionInvalid
	}
	newest, err := f.reader.Newest(ctx)
	if errors.Is(err, ErrNoData) {
		return fmt.Errorf("%w: %w", persistence.ErrPositionGone, err)
	}
	const tolerance = 60 // seconds by which a new primary may be behind
	if err == nil && secondsOf(f.at) > secondsOf(newest)+tolerance {
		err = persistence.ErrPositionInvalid
	}
	return err
}

// stream yields the changes of one stream until it ends.
func (f *feed) stream(ctx context.Context, yield func(persistence.Change) bool) error {
	var stream *driver.ChangeStream
	err := f.within(func() (err error) {
		o := options.ChangeStream().SetResumeAfter(bson.D{is("_data", f.at)}).
			SetFullDocument(options.UpdateLookup).SetMaxAwaitTime(awaitChanges)
		stream, err = f.reader.openFeed(ctx, f.collections, o)
		return openingError(err)
	})
	if err != nil {
		return err
	}
	defer closeStream(stream)
	for {
		var c persistence.Change
		err := f.within(func() (err error) {
			c, err = f.next(ctx, stream)
			return positionError(err)
		})
		if err != nil {
			return err
		}
		f.at, f.failures = c.Position, 0
		if c.Collection != "" && c.ID == "" {
			continue // its document was removed, and the removal follows
		}
		if !yield(c) {
			return errEnough
		}
	}
}

// within runs do unless the reader is closed.
func (f *feed) within(do func() error) error {
	if !f.reader.gate.enter() {
		return errClosed
	}
	defer f.reader.gate.leave()
	return do()
}

// next waits for the next change. After about a second without one it returns a change
// without a collection.
func (f *feed) next(ctx context.Context, stream *driver.ChangeStream) (persistence.Change, error) {
	within, cancel := context.WithTimeout(ctx, changesTimeout)
	defer cancel()
	if stream.TryNext(within) {
		return changeIn(stream.Current)
	}
	if err := stream.Err(); err != nil {
		return persistence.Change{}, err
	}
	if stream.ID() == 0 {
		return persistence.Change{}, errStreamEnded
	}
	at, err := feedPosition(stream.ResumeToken())
	return persistence.Change{Position: at}, err
}

// openFeed opens a change stream of collections.
func (r *Reader) openFeed(ctx context.Context, collections []string, o *options.ChangeStreamOptionsBuilder) (*driver.ChangeStream, error) {
	match := bson.D{is("$or", bson.A{
		bson.D{in("ns.coll", append([]string{}, collections...))},
		bson.D{in("operationType", []string{"dropDatabase", "invalidate"})},
	})}
	fields := bson.D{is("operationType", 1), is("ns.coll", 1), is("documentKey", 1), is("fullDocument", 1)}
	return r.database.Watch(ctx, driver.Pipeline{{is("$match", match)}, {is("$project", fields)}}, o)
}

// changeIn returns the change of an event.
func changeIn(raw bson.Raw) (persistence.Change, error) {
	var event struct {
		ID        bson.Raw `bson:"_id"`
		Operation string   `bson:"operationType"`
		NS        struct{ Coll string }
		Key       struct {
			ID string `bson:"_id"`
		} `bson:"documentKey"`
		Document bson.RawValue `bson:"fullDocument"`
	}
	if err := bson.Unmarshal(raw, &event); err != nil {
		return persistence.Change{}, fmt.Errorf("an event of the change stream: %w", err)
	}
	at, err := feedPosition(event.ID)
	if err != nil {
		return persistence.Change{}, err
	}
	c := persistence.Change{Position: at, Collection: event.NS.Coll, ID: event.Key.ID}
	switch event.Operation {
	case "delete":
		return c, nil
	case "insert", "replace", "update":
	default: // drop, rename, dropDatabase, invalidate
		return c, fmt.Errorf("%w: the database has seen %s", persistence.ErrPositionGone, event.Operation)
	}
	doc, ok := event.Document.DocumentOK()
	if !ok { // its removal follows
		c.ID = ""
		return c, nil
	}
	form, known := forms[c.Collection]
	if !known {
		return c, fmt.Errorf("an event of the change stream is of the collection %.100q", c.Collection)
	}
	if c.Document, err = form(doc); err != nil {
		return c, fmt.Errorf("stored %s %s is damaged: %w", c.Collection, c.ID, err)
	}
	return c, nil
}

// feedPositionShape matches resume tokens: hexadecimal strings that begin with a time.
var feedPositionShape = regexp.MustCompile(`^82[0-9A-F]{16}([0-9A-F]{2})+$`)

// maxFeedPosition is the length of the longest position: a resume token contains a key.
const maxFeedPosition = 8 << 10

func isFeedPosition(text string) bool {
	return len(text) <= maxFeedPosition && feedPositionShape.MatchString(text)
}

// secondsOf returns the time in a position, in seconds since 1970.
func secondsOf(position string) int64 {
	n, _ := strconv.ParseInt(position[2:10], 16, 64) // its shape is known
	return n
}

// feedPosition returns the position in a resume token.
func feedPosition(token bson.Raw) (string, error) {
	at, ok := token.Lookup("_data").StringValueOK()
	if !ok || !isFeedPosition(at) {
		return "", fmt.Errorf("the server's resume token %.200s is not in a supported format", token)
	}
	return at, nil
}
