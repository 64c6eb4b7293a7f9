package actors

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// What fails without each of the protocol's rules:
//
//	P1 compares hashes            TestAnObserverMovesOnlyFromWhereItStands,
//	                              TestAReorganisationWhileTheProcessIsDown
//	P1 numbers subscriptions      TestAnObserverMovesOnlyFromWhereItStands,
//	                              TestASubjectMovesItsObserversWithinTheirCredit
//	P2 reads by hash              TestRangesEndAtFinality and others of chains/evm
//	P2 keeps to the branch        TestAPageReadBeforeAReorganisationIsNotSentAfterIt,
//	                              TestAReorganisationWhileABatchIsInFlight
//	P2 bounds what is in flight   TestASubjectMovesItsObserversWithinTheirCredit
//	P3 asks again                 TestARestartedSubjectAsksItsObserversAgain
//	P3 ignores earlier acks       TestARestartedSubjectIgnoresEarlierAcks
//	P4 commits conditionally      TestACommitOfADeadProcessDoesNotLandLater,
//	                              the conformance suite of the stores
//	P5 log first, and last back   TestASubjectMovesItsObserversWithinTheirCredit,
//	                              TestTheLogIsRolledBackLast
//	P5 documents follow the log   TestDocumentsBehindTheirLogFollowTheLog
//	P6 one writer                 TestASecondWriterIsFenced of package projection
//	P6 drops the cache            TestDocumentsWhoseCommitHasAnUnknownOutcome
//
// In this file are the stores and chains that lack a rule, at the boundary where it works,
// and the rule that needs chance to be seen failing.

// ruleSeeds is how many histories are tried.
const ruleSeeds = 200

// The store of this test gives each transaction a snapshot, as MongoDB does, and
// not the serial order of SQLite, which hides the fault.
func TestWithoutTheOneWriterTransactionsMissEachOther(t *testing.T) {
	expectFault(t, func(w *world) {
		w.store = &snapshots{Store: w.store}
		w.market = marketOfManyWriters
	})
}

func TestWithTheOneWriterSnapshotsAreEnough(t *testing.T) {
	for seed := range uint64(max(1, histories()/2)) {
		w := newWorld(t, seed, 2)
		w.store = &snapshots{Store: w.store}
		if err := errors.Join(w.live(40), w.check()); err != nil {
			t.Fatal(err)
		}
		w.kill()
	}
}

// expectFault looks for a history in which the world, with a rule taken away,
// does not end as it should.
func expectFault(t *testing.T, without func(*world)) {
	t.Helper()
	thorough.Only(t)
	for seed := range uint64(ruleSeeds) {
		w := newWorld(t, seed, 2)
		w.patience = patience / 10
		without(w)
		if err := errors.Join(w.live(60), w.check()); err != nil {
			t.Logf("seed %d, as it must: %.300s", seed, err)
			return
		}
		w.kill()
	}
	t.Error("no history ends wrong: the rule is not needed, or these tests are blind")
}

// unconditional is a store whose commits succeed whatever the state of their actors.
type unconditional struct{ persistence.Store }

func (u unconditional) Commit(ctx context.Context, ref persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	for {
		now := slices.Clone(moves)
		for i, m := range now {
			doc := actorDocument(u.Store, m.Actor.ID)
			now[i].Actor, now[i].From = doc.Ref(), doc.Place
		}
		err := u.Store.Commit(ctx, ref, now, func(tx persistence.Tx) error {
			if do == nil {
				return nil
			}
			if err := do(tx); err != nil {
				return err
			}
			for i := range moves { // do may have said how far it came
				now[i].To, now[i].Trail, now[i].Pending, now[i].Events = moves[i].To, moves[i].Trail, moves[i].Pending, moves[i].Events
			}
			return nil
		})
		if !isFenced(err) {
			return err
		}
	}
}

func isFenced(err error) bool { return err != nil && errors.Is(err, persistence.ErrFenced) }

func actorDocument(store persistence.Store, id string) persistence.Actor {
	filter := persistence.Filter{Condition: persistence.Is("_id", id)}
	var a persistence.Actor
	for doc, err := range store.Query(context.Background(), persistence.Query{Collection: persistence.Actors, Filter: filter}) {
		if err != nil {
			panic(err)
		}
		if err := json.Unmarshal(doc, &a); err != nil {
			panic(err)
		}
	}
	return a
}

// lateLog acknowledges the batches of one log at once, and makes them durable
// when it is flushed.
type lateLog struct {
	persistence.Store
	of   string
	mu   sync.Mutex
	late []func() error
}

func (s *lateLog) Commit(ctx context.Context, ref persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	if moves[0].Actor.ID != s.of {
		return s.Store.Commit(ctx, ref, moves, do)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = append(s.late, func() error { return s.Store.Commit(ctx, ref, moves, do) })
	return nil
}

func (s *lateLog) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, commit := range s.late {
		if err := commit(); err != nil {
			panic(err)
		}
	}
	s.late = nil
}

// hashless is a chain whose places have no hashes.
type hashless struct{ *fakeChain }

func (h hashless) Read(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	page, err := h.fakeChain.Read(ctx, view, source, after, through, limit)
	page.To.Hash = ""
	return page, err
}

// snapshots is a store whose transactions read what was there when they began. A
// write of what another has written since makes it begin again, a read does not:
// that is snapshot isolation, as MongoDB has it.
type snapshots struct{ persistence.Store }

// Commit runs do on the present state and takes it back; what it would have
// written is written a moment later.
func (s *snapshots) Commit(ctx context.Context, ref persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) error {
	if do == nil {
		return s.Store.Commit(ctx, ref, moves, nil)
	}
	for {
		record := &recorder{read: map[string]string{}}
		err := s.Store.Commit(ctx, ref, moves, func(tx persistence.Tx) error {
			record.Tx = tx
			if err := do(record); err != nil {
				return err
			}
			return errTakeBack
		})
		if !errors.Is(err, errTakeBack) {
			return err
		}
		time.Sleep(time.Millisecond) // in which others commit
		err = s.Store.Commit(ctx, ref, moves, func(tx persistence.Tx) error { return record.replay(tx) })
		if !errors.Is(err, errConflict) {
			return err
		}
	}
}

var (
	errTakeBack = errors.New("taken back")
	errConflict = errors.New("write conflict")
)

// recorder notes what a transaction writes.
type recorder struct {
	persistence.Tx
	read   map[string]string // orders as they were read, to find conflicts
	writes []func(persistence.Tx) error
	orders []string // that are written
}

func (r *recorder) write(w func(persistence.Tx) error) error {
	r.writes = append(r.writes, w)
	return w(r.Tx)
}

func (r *recorder) Orders(keys []string) (map[string]markets.Order, error) {
	orders, err := r.Tx.Orders(keys)
	for _, k := range keys {
		if _, again := r.read[k]; !again {
			r.read[k] = text(orders, k)
		}
	}
	return orders, err
}

func text(orders map[string]markets.Order, key string) string {
	if o, ok := orders[key]; ok {
		return normal(o)
	}
	return "none"
}

func (r *recorder) PutOrders(orders []markets.Order) error {
	for _, o := range orders {
		r.orders = append(r.orders, o.Key)
	}
	return r.write(func(tx persistence.Tx) error { return tx.PutOrders(orders) })
}

func (r *recorder) DeleteOrders(keys []string) error {
	r.orders = append(r.orders, keys...)
	return r.write(func(tx persistence.Tx) error { return tx.DeleteOrders(keys) })
}

func (r *recorder) PutRecords(records []markets.Record) error {
	return r.write(func(tx persistence.Tx) error { return tx.PutRecords(records) })
}

func (r *recorder) DeleteRecords(keys []string) error {
	return r.write(func(tx persistence.Tx) error { return tx.DeleteRecords(keys) })
}

func (r *recorder) Append(activities []markets.Activity, letters []markets.DeadLetter) error {
	return r.write(func(tx persistence.Tx) error { return tx.Append(activities, letters) })
}

func (r *recorder) Notify(notifications []markets.Notification) error {
	return r.write(func(tx persistence.Tx) error { return tx.Notify(notifications) })
}

func (r *recorder) Truncate(stream string, after int64, limit int) (int, int, error) {
	r.writes = append(r.writes, func(tx persistence.Tx) error {
		_, _, err := tx.Truncate(stream, after, limit)
		return err
	})
	return r.Tx.Truncate(stream, after, limit)
}

func (r *recorder) RemoveDeadLetter(id string) (bool, error) {
	r.writes = append(r.writes, func(tx persistence.Tx) error {
		_, err := tx.RemoveDeadLetter(id)
		return err
	})
	return r.Tx.RemoveDeadLetter(id)
}

// replay writes what was recorded, unless an order that is written has changed
// since it was read.
func (r *recorder) replay(tx persistence.Tx) error {
	now, err := tx.Orders(r.orders)
	if err != nil {
		return err
	}
	for _, k := range r.orders {
		if was, ok := r.read[k]; ok && was != text(now, k) {
			return errConflict
		}
	}
	for _, write := range r.writes {
		if err := write(tx); err != nil {
			return err
		}
	}
	return nil
}

// marketOfManyWriters is a market in which every stream has a writer of its own.
func marketOfManyWriters(s *shared, c Chain, m Market, tuning Tuning, epoch supervision.Epoch) *actor.Props {
	claim := persistence.Claim{ID: c.Name + "/" + m.Name, Kind: "market", Chain: c.Name, Market: m.Name}
	return supervision.Props(s.Env, claim, epoch, supervised(func(inc *supervision.Incarnation) []supervision.Child {
		ref := persistence.MarketRef{Chain: c.Name, Market: m.Name}
		var children []supervision.Child
		for _, st := range m.Streams {
			name := "orders-" + st.Name
			ordersClaim := claim
			ordersClaim.ID, ordersClaim.Kind = claim.ID+"/"+name, "orders"
			w := worker{
				shared: s, epoch: epoch, start: m.Start(st.Name), orders: supervision.ChildOf(inc.Self(), name),
				stream: stream{Stream: st, market: ref, chain: c.Chain, complete: m.Complete, Tuning: tuning},
			}
			ordersProps := supervision.Props(s.Env, ordersClaim, epoch, func() supervision.Behaviour { return newOrders(ref) })
			children = append(children, supervision.Child{Name: name, Props: ordersProps}, supervision.Child{Name: st.Name, Props: w.props()})
		}
		return children
	}))
}
