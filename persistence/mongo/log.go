package mongo

import (
	"cmp"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// Append implements persistence.Tx.
func (t *tx) Append(activities []markets.Activity, deadLetters []markets.DeadLetter) error {
	return t.step(func() error {
		log := make([]any, len(activities))
		for i, a := range activities {
			log[i] = documents.OfActivity(a)
		}
		if err := t.insert(persistence.Activities, log); err != nil {
			return err
		}
		if err := t.answerSigned(activities); err != nil {
			return err
		}
		dead := make([]any, len(deadLetters))
		for i, d := range deadLetters {
			dead[i] = documents.OfDeadLetter(d)
		}
		return t.insert(persistence.DeadLetters, dead)
	})
}

// Notify implements persistence.Tx.
func (t *tx) Notify(notifications []markets.Notification) error {
	return t.step(func() error {
		docs := make([]any, len(notifications))
		for i, n := range notifications {
			docs[i] = documents.OfNotification(n)
		}
		return t.insert(persistence.Notifications, docs)
	})
}

// removeNotifications removes a stream's notifications whose seq is greater than after, and
// that match which.
func (t *tx) removeNotifications(stream string, after int64, which ...bson.E) error {
	notifications, err := find[entry](t, persistence.Notifications,
		t.inMarket(append([]bson.E{is("stream", stream), is("seq", bson.D{{Key: "$gt", Value: after}})}, which...)...),
		options.Find().SetHint("stream_position").SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil || len(notifications) == 0 {
		return err
	}
	ids := make([]string, len(notifications))
	for i, n := range notifications {
		ids[i] = n.ID
	}
	_, err = t.remove(persistence.Notifications, ids)
	return err
}

// RemoveDeadLetter implements persistence.Tx.
func (t *tx) RemoveDeadLetter(id string) (removed bool, err error) {
	err = t.step(func() error {
		n, err := t.remove(persistence.DeadLetters, []string{id})
		removed = n > 0
		return err
	})
	return removed, err
}

// Log implements markets.Book.
func (t *tx) Log(keys []string) (found []markets.Event, err error) {
	if len(keys) == 0 {
		return nil, t.err
	}
	err = t.step(func() error {
		for _, index := range []string{"order", "concerns"} { // each index has the name of its field
			docs, err := find[documents.Activity](t, persistence.Activities, t.inMarket(in(index, keys)), options.Find().SetHint(index))
			if err != nil {
				return err
			}
			for _, doc := range docs {
				found = append(found, doc.Event)
			}
		}
		return nil
	})
	return found, err
}

// streamOrder sorts a stream's log by position.
func streamOrder(direction int) bson.D {
	order := bson.D{{Key: "seq", Value: direction}}
	for _, part := range positionOf(markets.Position{}) {
		order = append(order, bson.E{Key: part.Key, Value: direction})
	}
	return order
}

// positionOf returns a position as fields of a document.
func positionOf(p markets.Position) bson.D {
	return bson.D{
		{Key: "position.height", Value: p.Height},
		{Key: "position.tx", Value: p.Transaction},
		{Key: "position.log", Value: p.Log},
		{Key: "position.sub", Value: p.Sub},
	}
}

// following matches the documents after a position.
func following(p markets.Position) bson.E {
	parts := positionOf(p)
	either := bson.A{}
	for i, part := range parts {
		later := append(slices.Clone(parts[:i]), is(part.Key, bson.D{{Key: "$gt", Value: part.Value}}))
		either = append(either, later)
	}
	return is("$or", either)
}

// LogBetween implements markets.Book.
func (t *tx) LogBetween(stream string, after, through int64, from markets.Position, limit int) (found []markets.Event, err error) {
	err = t.step(func() error {
		seqs := bson.D{{Key: "$gt", Value: after}, {Key: "$lte", Value: through}}
		docs, err := find[documents.Activity](t, persistence.Activities, t.inMarket(is("stream", stream), is("seq", seqs), following(from)),
			options.Find().SetSort(streamOrder(1)).SetLimit(int64(limit)).SetHint("stream_position"))
		for _, doc := range docs {
			found = append(found, doc.Event)
		}
		return err
	})
	return found, err
}

// BulkCancels implements markets.Book.
func (t *tx) BulkCancels() (any bool, err error) {
	err = t.step(func() error {
		makers := markets.MakerKey("")
		concerns := is("concerns", bson.D{{Key: "$gte", Value: makers}, {Key: "$lt", Value: prefixEnd(makers)}})
		err := t.collection(persistence.Activities).FindOne(t.ctx, t.inMarket(concerns, is("kind", markets.OrdersCancelled)),
			options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}}).SetHint("concerns")).Err()
		any = err == nil
		if errors.Is(err, driver.ErrNoDocuments) {
			return nil
		}
		return err
	})
	return any, err
}

// entry is an activity or a dead letter.
type entry struct {
	ID       string `bson:"_id"`
	Seq      int64
	Position markets.Position
	Signed   string // the signed order that an activity answers
	dead     bool   // a dead letter
}

// newestFirst orders entries from the newest to the oldest.
func newestFirst(a, b entry) int {
	return cmp.Or(cmp.Compare(b.Seq, a.Seq), b.Position.Compare(a.Position))
}

// Truncate implements persistence.Tx.
func (t *tx) Truncate(stream string, after int64, limit int) (activities, deadLetters int, err error) {
	if limit <= 0 {
		return 0, 0, t.err
	}
	err = t.step(func() error {
		entries, err := t.entries(persistence.Activities, stream, after, limit)
		if err != nil {
			return err
		}
		dead, err := t.entries(persistence.DeadLetters, stream, after, limit)
		if err != nil {
			return err
		}
		for i := range dead {
			dead[i].dead = true
		}
		entries = append(entries, dead...)
		slices.SortFunc(entries, newestFirst)
		var gone, goneDead []string
		var answers []entry
		for _, e := range entries[:min(len(entries), limit)] {
			if e.dead {
				goneDead = append(goneDead, e.ID)
			} else {
				gone = append(gone, e.ID)
			}
			if e.Signed != "" {
				answers = append(answers, e)
			}
		}
		if activities, err = t.remove(persistence.Activities, gone); err != nil {
			return err
		}
		if deadLetters, err = t.remove(persistence.DeadLetters, goneDead); err != nil {
			return err
		}
		if err := t.withdrawAnswers(answers); err != nil {
			return err
		}
		if activities+deadLetters == limit {
			return t.removeNotifications(stream, after, in("activity", append([]string{}, gone...)))
		}
		return t.removeNotifications(stream, after) // also those without an activity
	})
	return activities, deadLetters, err
}

// entries returns the newest entries of a stream whose seq is greater than after.
func (t *tx) entries(collection, stream string, after int64, limit int) ([]entry, error) {
	return find[entry](t, collection, t.inMarket(is("stream", stream), is("seq", bson.D{{Key: "$gt", Value: after}})),
		options.Find().SetSort(streamOrder(-1)).SetLimit(int64(limit)).SetHint("stream_position").
			SetProjection(bson.D{{Key: "seq", Value: 1}, {Key: "position", Value: 1}, {Key: "signed", Value: 1}}))
}
