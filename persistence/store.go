// Package persistence stores the state of the event worker: the log of activities, the
// orders folded from it, and the position of every actor. Store is its interface;
// persistence/mongo is the store for production, persistence/embedded the one that needs
// only a folder.
//
// A Store guarantees:
//   - A commit is atomic: its documents and the new places of its actors are all written,
//     or nothing is.
//   - A commit is conditional: it is written only if each of its actors is still at the
//     epoch, the incarnation and the place that the move names. Otherwise its error is
//     ErrFenced.
//   - After TakeOver returns, no commit of the chain's previous owner succeeds.
//   - After Commit returns nil, a crash does not lose the commit. After an error other
//     than ErrFenced its outcome is unknown until the next Claim.
//
// For example, the observer of the stream list is at block 100, and its chain passes from
// node a to node b while node a commits blocks 101 to 120:
//
//	                         epoch  incarnation  seq    documents
//	the actor's document         4           7   100
//	a: Commit 100 → 120                                 3 orders, 3 activities
//	   if epoch 4, incarnation 7, seq 100: it is
//	the actor's document         4           7   120    + 6
//	b: TakeOver                  5           7   120
//	b: Claim                     5           8   120
//	a: Commit 120 → 130                                 1 order, 1 activity
//	   if epoch 4, incarnation 7, seq 120: it is not    ErrFenced, nothing is written
//	b: Commit 120 → 130                                 1 order, 1 activity
//	   if epoch 5, incarnation 8, seq 120: it is
//	the actor's document         5           8   130    + 2
package persistence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/markets"
)

// ErrFenced means that an actor's document has changed since the actor wrote it: a later
// incarnation or another owner has claimed the document. Nothing was written.
var ErrFenced = errors.New("fenced: another incarnation or owner has claimed the actor's document")

// ErrInUse means that another process writes to the same data.
var ErrInUse = errors.New("in use by another process")

// Store keeps documents and actors. Its methods may be called by many goroutines
// concurrently.
type Store interface {
	// TakeOver makes node the owner of a chain: it raises the chain's epoch and stamps it
	// into all of the chain's actor documents, in one transaction. From then on no commit
	// of an earlier owner succeeds.
	TakeOver(ctx context.Context, chain, node string) (epoch int64, err error)

	// Claim starts a new incarnation of an actor: it raises the actor's incarnation by
	// one, sets its epoch to the claim's, and returns the resulting document. A document
	// that does not exist is created at the claim's start. ErrFenced: the document or
	// the chain's lease has a higher epoch.
	Claim(ctx context.Context, claim Claim) (Actor, error)

	// Commit makes all of the moves and writes what do writes, in one transaction. Every
	// move is conditional: its actor's document must still have the move's epoch,
	// incarnation and From. If any document does not, nothing is written and the error
	// is ErrFenced. do may be nil. It may be run again on a conflict: it must read
	// everything that it depends on through tx, and must not change anything outside
	// except the moves, which are made after do returns, so that do can set how far they
	// go.
	//
	// When Commit returns nil the commit is durable. When it returns an error other than
	// ErrFenced, the commit may have happened: the actor must claim its document to find
	// out.
	Commit(ctx context.Context, market MarketRef, moves []Move, do func(tx Tx) error) error

	// Report updates those fields of an actor's document that only people read, never
	// one that a commit is conditional on. ErrFenced: the document has another epoch or
	// incarnation.
	Report(ctx context.Context, ref ActorRef, report Report) error

	// Currencies returns those documents of currencies that exist, by their IDs.
	Currencies(ctx context.Context, ids []string) ([]KnownCurrency, error)
	// AddCurrencies inserts the documents of currencies that do not exist yet, and returns the
	// durable documents of all of them: of several writers the first one wins. Documents of
	// currencies never change.
	AddCurrencies(ctx context.Context, currencies []KnownCurrency) ([]KnownCurrency, error)

	// PutMetadata writes what was found at a URI, in place of what was found there before.
	PutMetadata(ctx context.Context, doc Metadata) error
	// PutAudit writes the document of a chain's audits, in place of an earlier one.
	PutAudit(ctx context.Context, doc Audit) error

	// Query yields the matching documents of a collection, each as a JSON object with its
	// key in _id, in no particular order unless the query has one. It reads a consistent
	// snapshot and does not block writers.
	Query(ctx context.Context, query Query) iter.Seq2[json.RawMessage, error]

	Feed
	OpenOrders
	SignedOrderStore

	// Close waits for the calls in progress and releases the data.
	Close() error
}

// MarketRef names a market of a chain.
type MarketRef struct {
	Chain  string
	Market string
}

// Tx is an open transaction on one market's documents. Reads see the transaction's own
// writes.
type Tx interface {
	// Book is the interface that a fold reads and writes.
	markets.Book

	// HandedIn returns those of the keys of orders, 0xHASH@0xCONTRACT, of which signed_orders
	// has a document, whatever its answer: accepted as that order, or with its hash, and its
	// contract or none.
	HandedIn(keys []string) (map[string]bool, error)

	// Append adds activities to the log, and dead letters to their own collection. An
	// activity with Signed answers that document of signed_orders, if it still exists.
	Append(activities []markets.Activity, deadLetters []markets.DeadLetter) error
	// Notify adds notifications of appended activities.
	Notify(notifications []markets.Notification) error
	// Truncate removes a stream's activities and dead letters whose seq is greater than
	// after, the newest first and at most limit of them, and the notifications of those
	// activities; signed orders that they answered are pending again. It returns the
	// numbers of activities and dead letters that it removed. Fewer than limit in total
	// means that none are left; then it has also removed all notifications after the seq.
	Truncate(stream string, after int64, limit int) (activities, deadLetters int, err error)
	// RemoveDeadLetter removes one dead letter by its key; false if there is none.
	RemoveDeadLetter(id string) (bool, error)
}

// The states of an actor.
const (
	Backfilling = "backfilling"
	Following   = "following"
	Running     = "running" // of actors that follow nothing themselves
	Retrying    = "retrying"
	Stopped     = "stopped"
	Paused      = "paused" // of the subject of a paused stream

	// FinalityBroken: a block that was final is no longer on the chain. The actor waits
	// until that is confirmed or the block is back.
	FinalityBroken = "finality_broken"
)

// RetiredKind is the kind of an observer that another one has replaced.
const RetiredKind = "retired"

// Actor is an actor's document.
type Actor struct {
	ID     string `json:"_id" bson:"_id"`   // ethereum/seaport/list/subject
	Kind   string `json:"kind" bson:"kind"` // chain, head, market, orders, worker, subject, observer, retired
	Chain  string `json:"chain" bson:"chain"`
	Market string `json:"market,omitempty" bson:"market,omitempty"`
	Stream string `json:"stream,omitempty" bson:"stream,omitempty"`
	Node   string `json:"node" bson:"node"`
	// Documents is true of the observer that maintains its stream's documents; its place
	// says up to where the stream is folded into them.
	Documents bool `json:"documents,omitempty" bson:"documents,omitempty"`
	// Paused is true of the worker of a stream that is not to be followed until it is resumed.
	Paused bool `json:"paused,omitempty" bson:"paused,omitempty"`

	Epoch         int64 `json:"epoch" bson:"epoch"`
	Incarnation   int64 `json:"incarnation" bson:"incarnation"`
	markets.Place `bson:",inline"`
	// Pending is the end of a transition that is being committed in portions. After a
	// crash the transition is completed before anything else is done.
	Pending *markets.Place `json:"pending,omitempty" bson:"pending,omitempty"`
	// Trail is the places to which the actor can be rolled back.
	Trail markets.Trail `json:"trail,omitempty" bson:"trail,omitempty"`
	// Meaning is that of the stream's log, on the document of the observer that keeps it.
	Meaning *Meaning `json:"meaning,omitempty" bson:"meaning,omitempty"`

	Report `bson:",inline"`

	Restarts    int64     `json:"restarts" bson:"restarts"`
	Events      int64     `json:"events" bson:"events"`           // in its part of the log
	DeadLetters int64     `json:"deadLetters" bson:"deadLetters"` // of these not decoded
	UpdatedAt   time.Time `json:"updatedAt" bson:"updatedAt"`
}

// Lease records the owner of a chain.
type Lease struct {
	Chain   string    `json:"_id" bson:"_id"`
	Node    string    `json:"node" bson:"node"`
	Epoch   int64     `json:"epoch" bson:"epoch"` // rises with every take-over, from 1
	TakenAt time.Time `json:"takenAt" bson:"takenAt"`
}

// Ref is the document's identity as of this incarnation.
func (a Actor) Ref() ActorRef { return ActorRef{a.ID, a.Epoch, a.Incarnation} }

// Report is the part of an actor's document that only people read. Heights are block
// numbers, or ledger versions on Aptos.
type Report struct {
	Status    string `json:"state,omitempty" bson:"state,omitempty"` // one of the states of an actor
	Head      int64  `json:"head" bson:"head"`                       // the chain's newest height
	Finalized int64  `json:"finalized" bson:"finalized"`             // the newest height that cannot be reorganised
	Lag       int64  `json:"lag" bson:"lag"`                         // heights between the actor and the head
	// LastError keeps its value when a report's is empty.
	LastError string `json:"lastError,omitempty" bson:"lastError,omitempty"`
	// Endpoints are the chain's, in the document of its head. They keep their value when
	// a report has none.
	Endpoints []Endpoint `json:"endpoints,omitempty" bson:"endpoints,omitempty"`
	// Place, if set, is a place for display only: the subject's, which is the least of
	// its observers'.
	Place *markets.Place `json:"-" bson:"-"`
}

// Failing reports whether an error keeps the actor from its work.
func (r Report) Failing() bool { return r.Status == Retrying || r.Status == FinalityBroken }

// ActorRef is one incarnation of an actor.
type ActorRef struct {
	ID          string
	Epoch       int64
	Incarnation int64
}

// Claim asks for an actor's document.
type Claim struct {
	ID, Kind, Chain, Market, Stream string
	Node                            string
	Documents                       bool
	Epoch                           int64
	Start                           markets.Place // of a new document
	// Meaning is that of the stream's present definition, which Actor.Under puts on the
	// document; zero for actors that keep none.
	Meaning markets.Meaning
	Paused  *bool // if set, whether the stream is paused from now on
	// Restarts is how often the actor was restarted since its last claim, and
	// LastError why, kept when empty.
	Restarts  int64
	LastError string
}

// Move takes an actor from one place to another.
type Move struct {
	Actor    ActorRef
	From, To markets.Place
	// Pending, if set, says that the move is one portion of a transition that ends at
	// Pending; To then equals From.
	Pending *markets.Place
	Trail   markets.Trail // nil means unchanged
	// Events and DeadLetters are added to the counts.
	Events, DeadLetters int64
	Report              Report
}

const (
	Actors      = "actors"
	Orders      = "orders"
	Activities  = "activities"
	Records     = "records"
	DeadLetters = "dead_letters"
	Currencies  = "currencies"

	// MetadataDocs are documents of the type Metadata.
	MetadataDocs = "metadata"
	// Audits are documents of the type Audit.
	Audits = "audits"

	SignedOrders  = "signed_orders"
	Notifications = "notifications"
	Leases        = "leases"
	Nodes         = "nodes"
	Requests      = "requests"

	Hooks     = "hooks"
	DeadHooks = "dead_hooks"
)

// Collections are all collections, in display order.
var Collections = append(slices.Clone(Copied), Nodes, Requests, Hooks, DeadHooks)

// Copied are the collections that a copy contains. Nodes and requests are not among
// them: they belong to the processes that use a particular database. Neither are hooks,
// whose positions are positions of its feed.
var Copied = []string{Orders, Activities, Records, Notifications, SignedOrders, DeadLetters, Currencies, MetadataDocs, Audits, Actors, Leases}

// UnknownCollection is the error of a query for a collection that is not in Collections.
func UnknownCollection(name string) error {
	return fmt.Errorf("unknown collection %q: the collections are %s", name, strings.Join(Collections, ", "))
}

// Query asks for documents of one collection.
type Query struct {
	Collection string
	Filter     Filter
	Sort       []SortKey
	Limit      int // 0 means all
}

// SortKey sorts by a field's dotted path.
type SortKey struct {
	Path       string
	Descending bool
}
