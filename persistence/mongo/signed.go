package mongo

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

var _ persistence.SignedOrderStore = (*Store)(nil)

// PendingSigned implements persistence.SignedOrderStore.
func (s *Store) PendingSigned(ctx context.Context, market persistence.MarketRef, limit int) (found []persistence.PendingOrder, err error) {
	pending := bson.D{is("$in", bson.A{nil, persistence.SignedPending})}
	err = s.read(ctx, func() error {
		found = nil
		cursor, err := s.collection(persistence.SignedOrders).Find(ctx,
			bson.D{is("chain", market.Chain), is("market", market.Market), is("state", pending)},
			options.Find().SetSort(byKey).SetLimit(int64(limit)).SetHint("pending"))
		if err != nil {
			return err
		}
		defer cursor.Close(context.WithoutCancel(ctx))
		for size := 0; size < persistence.BatchBytes && cursor.Next(ctx); size += len(found[len(found)-1].Text) {
			id := documents.IDOf(cursor.Current.Lookup("_id"))
			found = append(found, persistence.PendingOrder{ID: string(id), Text: documents.SignedText(cursor.Current)})
		}
		return cursor.Err()
	})
	return found, err
}

// InsertSigned implements persistence.SignedOrderStore.
func (s *Store) InsertSigned(ctx context.Context, orders []persistence.SignedOrder) (inserted int, err error) {
	err = s.work(func() error {
		for batch := range slices.Chunk(orders, maxSigned) {
			known, err := s.knownSigned(ctx, batch)
			if err != nil {
				return err
			}
			var docs []any
			for _, o := range batch {
				if known.add(o) {
					continue
				}
				o.SignedAnswer = persistence.SignedAnswer{State: persistence.SignedPending}
				docs = append(docs, documents.SignedOrder{ID: documents.DocumentID(o.ContentID()), SignedOrder: o})
			}
			if len(docs) == 0 {
				continue
			}
			_, err = s.collection(persistence.SignedOrders).InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
			var bulk driver.BulkWriteException
			switch {
			case err == nil:
				inserted += len(docs)
			case errors.As(err, &bulk) && bulk.WriteConcernError == nil && driver.IsDuplicateKeyError(err): // another import has inserted them
				inserted += len(docs) - len(bulk.WriteErrors)
			default:
				return err
			}
		}
		return nil
	})
	return inserted, err
}

// maxSigned is how many signed orders are inserted with one command.
const maxSigned = 200

// knownOrders are what identifies known signed orders.
type knownOrders map[[4]string]bool

// add says whether a signed order is known, and makes it known.
func (k knownOrders) add(o persistence.SignedOrder) bool {
	names := [][4]string{{o.ContentID()}}
	if o.State != persistence.SignedRejected {
		if o.Hash != "" {
			names = append(names, [4]string{o.Chain, o.Market, o.Hash, o.Contract})
		}
		if key, keyed := o.OrderKey(); keyed {
			names = append(names, [4]string{o.Chain, o.Market, key})
		}
		if o.Order != "" {
			names = append(names, [4]string{o.Chain, o.Market, o.Order})
		}
	}
	known := slices.ContainsFunc(names, func(name [4]string) bool { return k[name] })
	for _, name := range names {
		k[name] = true
	}
	return known
}

// knownSigned reads which of the orders are known.
func (s *Store) knownSigned(ctx context.Context, orders []persistence.SignedOrder) (knownOrders, error) {
	ids, hashes, keys := []string{}, []string{}, []string{}
	for _, o := range orders {
		ids = append(ids, o.ContentID())
		if o.Hash != "" {
			hashes = append(hashes, o.Hash)
		}
		if key, keyed := o.OrderKey(); keyed {
			keys = append(keys, key)
		}
	}
	cursor, err := s.collection(persistence.SignedOrders).Find(ctx, bson.D{is("$or", bson.A{bson.D{in("_id", ids)}, bson.D{in("hash", hashes)}, bson.D{in("order", keys)}})})
	if err != nil {
		return nil, err
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	known := knownOrders{}
	for cursor.Next(ctx) {
		id, _ := cursor.Current.Lookup("_id").StringValueOK()
		known[[4]string{id}] = true
		known.add(signedNames(cursor.Current))
	}
	return known, cursor.Err()
}

// HandedIn implements persistence.Tx.
func (t *tx) HandedIn(keys []string) (map[string]bool, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	hashes := make([]string, len(keys))
	byHash := map[string][]string{}
	for i, key := range keys {
		hashes[i], _, _ = strings.Cut(key, "@")
		byHash[hashes[i]] = append(byHash[hashes[i]], key)
	}
	found := map[string]bool{}
	err := t.step(func() error {
		docs, err := find[bson.Raw](t, persistence.SignedOrders,
			bson.D{is("$or", bson.A{t.inMarket(in("hash", hashes)), t.inMarket(in("order", keys))})}, // an index for each
			options.Find().SetProjection(bson.D{is("hash", 1), is("contract", 1), is("order", 1)}))
		for _, doc := range docs {
			o := signedNames(doc)
			of, _, _ := strings.Cut(o.Order, "@")
			for _, key := range slices.Concat(byHash[o.Hash], byHash[of]) {
				found[key] = found[key] || o.IsOf(key)
			}
		}
		return err
	})
	return found, err
}

// signedNames is what identifies a signed order: its fields may hold anything.
func signedNames(doc bson.Raw) persistence.SignedOrder {
	text := func(field string) string {
		s, _ := doc.Lookup(field).StringValueOK()
		return s
	}
	o := persistence.SignedOrder{Chain: text("chain"), Market: text("market"), Contract: text("contract"), Hash: text("hash")}
	o.State, o.Order = text("state"), text("order")
	return o
}

// answerSigned writes the answers that activities give to signed orders whose documents
// still exist.
func (t *tx) answerSigned(activities []markets.Activity) error {
	var models []driver.WriteModel
	for _, a := range activities {
		if a.Signed != "" {
			models = append(models, t.answer(a.Signed, persistence.AnswerOf(a.Event)))
		}
	}
	return t.replace(persistence.SignedOrders, models)
}

// withdrawAnswers makes signed orders pending again whose answers are of the positions of
// removed activities.
func (t *tx) withdrawAnswers(removed []entry) error {
	var models []driver.WriteModel
	for _, e := range removed {
		models = append(models, t.answer(e.Signed, persistence.SignedAnswer{State: persistence.SignedPending}, positionOf(e.Position)...))
	}
	return t.replace(persistence.SignedOrders, models)
}

// answer is the update that writes an answer to one signed order of the market. A
// document that has been deleted is not matched.
func (t *tx) answer(id string, answer persistence.SignedAnswer, match ...bson.E) driver.WriteModel {
	filter := t.inMarket(append([]bson.E{is("_id", documents.DocumentID(id))}, match...)...)
	set, unset := bson.D{is("state", answer.State)}, bson.D{}
	for _, f := range []struct {
		name  string
		value any
		there bool
	}{
		{"order", answer.Order, answer.Order != ""},
		{"reason", answer.Reason, answer.Reason != ""},
		{"position", answer.Position, answer.Position != nil},
		{"checkedAt", answer.CheckedAt, answer.CheckedAt != nil},
	} {
		if f.there {
			set = append(set, is(f.name, f.value))
		} else {
			unset = append(unset, is(f.name, ""))
		}
	}
	update := bson.D{is("$set", set)}
	if len(unset) > 0 {
		update = append(update, is("$unset", unset))
	}
	return driver.NewUpdateOneModel().SetFilter(filter).SetUpdate(update)
}
