package actors

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/actors/projection"
	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// orders is the one writer of a market's documents (P6): the commits of all the market's
// observers of documents pass through it, one after the other. Each is one transaction on
// the documents, the observer's own document and that of orders, whose seq counts the
// commits.
type orders struct {
	market persistence.MarketRef
	cache  *projection.Cache
	hot    hot // may be nil

	state    ordersState
	commits  int64 // that the document of orders counts
	queue    []*request
	current  *request            // while committing
	streams  map[string]lastSeen // as of their last commits
	patience bool                // a patienceOver is on its way
}

// ordersState is what the orders of a market are doing.
type ordersState int

const (
	// ready: nothing is being committed. The next request is, as soon as the streams that
	// are further behind have come or used up their time.
	ready ordersState = iota
	// committing: the current request is being committed; the others wait.
	committing
	// reclaiming: the outcome of a commit is unknown. The cache was dropped, and the document
	// is claimed again to know how many commits there are.
	reclaiming
)

// lastSeen is the height of a stream's documents, and when they came to it.
type lastSeen struct {
	height int64
	at     time.Time
}

// patienceOver says that orders have waited long enough for a stream.
type patienceOver struct{}

func newOrders(market persistence.MarketRef) *orders {
	return &orders{market: market, cache: projection.NewCache(), streams: map[string]lastSeen{}}
}

// request asks orders to commit a transition of a stream's documents.
type request struct {
	projection.Execution
	Tuning
	replyTo *actor.PID
}

// answer says that the transition is durable, or why it may not be.
type answer struct {
	*request
	err error
}

// outcome is the result of a commit, and how many commits there are then.
type outcome struct {
	answer
	commits int64
}

var errOrdersEnded = errors.New("orders was restarted")

func (o *orders) Start(inc *supervision.Incarnation) {
	o.commits = inc.Doc.Seq
	o.hot.serve(o.market, o.cache)
	inc.SetReport(persistence.Report{Status: persistence.Running})
}

// Stop answers all requests: their commits may or may not have succeeded.
func (o *orders) Stop(inc *supervision.Incarnation) {
	o.hot.withdraw(o.market, o.cache)
	if o.state == committing {
		o.queue = append(o.queue, o.current)
	}
	for _, r := range o.queue {
		inc.System.Root.Send(r.replyTo, answer{r, errOrdersEnded})
	}
}

func (o *orders) Receive(inc *supervision.Incarnation, message any) {
	switch m := message.(type) {
	case *request:
		o.queue = append(o.queue, m)
	case patienceOver:
		o.patience = false
	case outcome:
		o.finish(inc, m)
	case supervision.Claimed:
		o.state, o.commits = ready, m.Doc.Seq
	default:
		return
	}
	o.commitNext(inc)
}

// finish handles the outcome of the current request's commit.
func (o *orders) finish(inc *supervision.Incarnation, m outcome) {
	inc.Send(m.replyTo, m.answer)
	o.current, o.commits = nil, m.commits
	if m.err != nil {
		o.state = reclaiming
		inc.Reclaim()
		return
	}
	o.state = ready
	inc.Progressed()
	o.streams[m.Stream] = lastSeen{m.To.Height(), time.Now()}
}

// commitNext commits the request of the stream that is furthest behind, unless one
// further behind is sure to come: documents that are folded in order of height need no
// second fold from the log.
func (o *orders) commitNext(inc *supervision.Incarnation) {
	if o.state != ready || len(o.queue) == 0 {
		return
	}
	i := o.hindmost()
	r := o.queue[i]
	if wait := o.waitFor(r); wait > 0 {
		if !o.patience {
			o.patience = true
			inc.After(wait, patienceOver{})
		}
		return
	}
	o.state, o.current, o.queue = committing, r, slices.Delete(o.queue, i, i+1)
	w := projection.NewWriter(inc.Store, o.market, o.cache, inc.Doc.Ref(), o.commits)
	inc.Do(func(ctx context.Context) any {
		err := w.Commit(ctx, r.Execution, r.Portion)
		return outcome{answer{r, err}, w.Commits()}
	})
}

// hindmost is the index of the request that starts at the least height.
func (o *orders) hindmost() int {
	least := 0
	for i, r := range o.queue {
		if r.From.Height() < o.queue[least].From.Height() {
			least = i
		}
	}
	return least
}

// waitFor is how long a request is to wait for streams that are further behind: none of
// them delays it for long after its own last commit, and none at all delays one that
// follows the head, as a backfill beside it can take hours. Facts are always behind the
// others.
func (o *orders) waitFor(r *request) time.Duration {
	if r.Kind == markets.RollbackTransition || r.Report.Status == persistence.Following {
		return 0
	}
	var longest time.Duration
	for stream, last := range o.streams {
		if stream != r.Stream && stream != markets.StateStream && last.height < r.From.Height() {
			longest = max(longest, r.Abreast-time.Since(last.at))
		}
	}
	return longest
}

// documentsProjection is that of the documents: it commits through orders.
type documentsProjection struct {
	Tuning
	stream   markets.Stream
	orders   *actor.PID
	asked    *request // and not answered yet
	watching bool
}

func (p *documentsProjection) execute(inc *supervision.Incarnation, e projection.Execution) {
	if !p.watching {
		p.watching = true
		inc.Watch(p.orders)
	}
	e.Transition = p.stream.OfDocuments(e.Transition)
	p.asked = &request{e, p.Tuning, inc.Self()}
	inc.Request(p.orders, p.asked)
}

// executed fails the observer if the outcome is unknown, or no answer will come: its next
// incarnation reads from the document what has become of the transition.
func (p *documentsProjection) executed(inc *supervision.Incarnation, message any) bool {
	switch m := message.(type) {
	case answer:
		if m.request != p.asked { // an earlier incarnation's
			return false
		}
		p.asked = nil
		if m.err != nil {
			inc.Fail(m.err)
		}
		return true
	case *actor.Terminated:
		p.watching = false
		p.unanswered(inc)
	case *actor.DeadLetterResponse:
		p.unanswered(inc)
	}
	return false
}

func (p *documentsProjection) unanswered(inc *supervision.Incarnation) {
	if p.asked != nil {
		inc.Fail(errOrdersEnded)
	}
}
