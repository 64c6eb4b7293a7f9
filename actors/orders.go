package actors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// orders is the one writer of a market's documents: the commits of all the
// market's observers of documents pass through it, one after the other. Each is
// one transaction on the documents, the observer's own document and that of
// orders, whose seq counts the commits.
type orders struct {
	market persistence.MarketRef
	memory *memory

	at      int64 // commits so far
	queue   []*request
	busy    *request
	streams map[string]lastSeen // as of their last commits
	timing  bool                // a waited is on its way
}

// lastSeen is where a stream's documents stood, and when.
type lastSeen struct {
	height int64
	at     time.Time
}

// waited says that orders has waited long enough for a stream.
type waited struct{}

func newOrders(market persistence.MarketRef) *orders {
	return &orders{market: market, memory: newMemory(), streams: map[string]lastSeen{}}
}

// request asks orders to make a transition of a stream's documents.
type request struct {
	transition
	stream
	replyTo *actor.PID
}

// answer says that the transition is durable, or why it may not be.
type answer struct {
	*request
	err error
}

// outcome is what came of a transition, and how many commits there are now.
type outcome struct {
	answer
	at int64
}

var errOrdersEnded = errors.New("orders was restarted")

func (o *orders) begin(l *life) {
	o.at = l.doc.Seq
	l.say(persistence.Report{Status: persistence.Running})
}

// end answers whoever waits: what they asked for may or may not have happened.
func (o *orders) end(l *life) {
	if o.busy != nil {
		o.queue = append(o.queue, o.busy)
	}
	for _, f := range o.queue {
		l.system.Root.Send(f.replyTo, answer{f, errOrdersEnded})
	}
}

func (o *orders) receive(l *life, message any) {
	switch m := message.(type) {
	case *request:
		o.queue = append(o.queue, m)
		o.next(l)
	case waited:
		o.timing = false
		o.next(l)
	case outcome:
		l.Send(m.replyTo, m.answer)
		o.at = m.at
		if m.err != nil {
			o.memory.forget()
			l.do(l.claimDocument) // to know how many commits there are
			return
		}
		o.busy = nil
		l.well()
		o.streams[m.Name] = lastSeen{m.to.Height(), time.Now()}
		o.next(l)
	case claimed:
		o.at, o.busy = m.doc.Seq, nil
		o.next(l)
	}
}

// next begins the transition of the stream that is furthest behind, unless one
// further behind is sure to come: documents that are folded in order of height
// need no second fold from the log.
func (o *orders) next(l *life) {
	if o.busy != nil || len(o.queue) == 0 {
		return
	}
	i := o.hindmost()
	f := o.queue[i]
	if left := o.patience(f); left > 0 {
		if !o.timing {
			o.timing = true
			l.after(left, waited{})
		}
		return
	}
	o.busy, o.queue = f, slices.Delete(o.queue, i, i+1)
	w := writer{l.store, o.market, o.memory, l.doc.Ref(), o.at}
	l.do(func(ctx context.Context) any {
		err := w.commit(ctx, f)
		return outcome{answer{f, err}, w.at}
	})
}

// hindmost is the index of the queue's transition that begins at the least height.
func (o *orders) hindmost() int {
	least := 0
	for i, f := range o.queue {
		if f.from.Height() < o.queue[least].from.Height() {
			least = i
		}
	}
	return least
}

// patience is how long a transition is to wait for streams that are further
// behind: none of them holds it up for long after it has fallen silent, and none
// at all once it follows the head: a backfill beside it can take hours.
func (o *orders) patience(f *request) time.Duration {
	if f.back() || f.report.Status == persistence.Following {
		return 0
	}
	var longest time.Duration
	for stream, p := range o.streams {
		if stream != f.Name && p.height < f.from.Height() {
			longest = max(longest, f.Abreast-time.Since(p.at))
		}
	}
	return longest
}

// writer makes transitions for orders, commit by commit.
type writer struct {
	store  persistence.Store
	market persistence.MarketRef
	memory *memory
	orders persistence.ActorRef
	at     int64
}

func (w *writer) commit(ctx context.Context, f *request) error {
	var c markets.Cursor
	for !c.Done {
		next, err := w.portion(ctx, f, c)
		if err != nil {
			return fmt.Errorf("committing documents: %w", err)
		}
		c = next
		w.at++
	}
	return nil
}

// portion commits one portion of a transition.
func (w *writer) portion(ctx context.Context, f *request, c markets.Cursor) (next markets.Cursor, err error) {
	var book *mindful
	moves := []persistence.Move{f.move(), w.move()}
	err = w.store.Commit(ctx, w.market, moves, func(tx persistence.Tx) error {
		t, err := f.onBook(tx)
		if err != nil {
			return err
		}
		book = w.memory.book(tx)
		if next, err = t.Step(book, c, f.Portion); err != nil {
			return err
		}
		moves[0] = f.portion(next.Done, 0, 0)
		if next.Done { // counted once, however often it was interrupted
			moves[0].Events = int64(len(t.Events) - next.Undone)
		}
		return nil
	})
	if err == nil {
		w.memory.learn(book)
	}
	return next, err
}

// move counts a commit on the document of orders.
func (w *writer) move() persistence.Move {
	return persistence.Move{
		Actor: w.orders, From: markets.Place{Seq: w.at}, To: markets.Place{Seq: w.at + 1},
		Report: persistence.Report{Status: persistence.Running},
	}
}

// onBook is the transition of the market's documents that the observer's is. The
// events of an interrupted one are in the log.
func (f *request) onBook(b markets.Book) (markets.Transition, error) {
	t := markets.Transition{Chain: f.market.Chain, Market: f.market.Market, Stream: f.Name, From: f.from.Seq, To: f.to.Seq}
	if f.batch != nil {
		t.Events = f.batch.Events
		return t, nil
	}
	if f.back() {
		return t, nil
	}
	var err error
	t.Events, err = b.LogBetween(f.Name, f.from.Seq, f.to.Seq, markets.Position{}, math.MaxInt32)
	return t, err
}

// documents is the projection of the observers of documents: they commit through
// orders.
type documents struct {
	stream
	orders   *actor.PID
	asked    *request // and not answered yet
	watching bool
}

func (d *documents) execute(l *life, t transition) {
	if !d.watching {
		d.watching = true
		l.Watch(d.orders)
	}
	d.asked = &request{t, d.stream, l.Self()}
	l.Request(d.orders, d.asked)
}

func (d *documents) receive(l *life, message any) {
	switch m := message.(type) {
	case answer:
		if m.request != d.asked { // of an earlier incarnation
			return
		}
		d.asked = nil
		if m.err != nil {
			l.fail(m.err)
		}
		l.part.receive(l, m.executed())
	case *actor.Terminated:
		d.watching = false
		d.unanswered(l)
	case *actor.DeadLetterResponse:
		d.unanswered(l)
	}
}

// unanswered fails the observer if it waits for an answer that will not come.
func (d *documents) unanswered(l *life) {
	if d.asked != nil {
		l.fail(errOrdersEnded)
	}
}
