package persistence

import (
	"context"
	"time"

	"github.com/imart/event-worker/markets"
)

// Request is the document of a request to a chain's owner, whichever node that is, or to a
// node. The owner executes the request under its lease and answers in the same document. A
// request that is not started before it is overdue fails; one that is running does not time
// out.
//
//	pending ──owner, under its lease──▶ running ──the same owner──▶ done or failed
//	   │                                 ▲   │
//	   │                                 └───┘ the next owner, after a take-over
//	   ├──owner (status only)──▶ done
//	   └──any node, once it is overdue──▶ failed
//
// The store removes requests for the status an hour after their end, others after a week.
type Request struct {
	ID    string `json:"_id" bson:"_id"`                         // random
	Chain string `json:"chain,omitempty" bson:"chain,omitempty"` // none of a request to a node
	Kind  string `json:"kind" bson:"kind"`
	State string `json:"state" bson:"state"`

	// Market and Stream restrict the request: to one market, to one stream of it.
	Market string `json:"market,omitempty" bson:"market,omitempty"`
	Stream string `json:"stream,omitempty" bson:"stream,omitempty"`
	// Height is where a rewind goes back to, and beyond which events are decoded again.
	Height *int64 `json:"height,omitempty" bson:"height,omitempty"`
	// DeadLetter is the only dead letter to retry.
	DeadLetter string `json:"deadLetter,omitempty" bson:"deadLetter,omitempty"`
	// Keys are the keys, within the market, of the orders and records to fold again.
	Keys []string `json:"keys,omitempty" bson:"keys,omitempty"`
	// DryRun asks what a rewind would undo.
	DryRun bool `json:"dryRun,omitempty" bson:"dryRun,omitempty"`

	AskedBy   string    `json:"askedBy" bson:"askedBy"` // a node's ID, or a user's name and host
	AskedAt   time.Time `json:"askedAt" bson:"askedAt"` // all times by the server's clock
	OverdueAt time.Time `json:"overdueAt" bson:"overdueAt"`

	// Node and Epoch are those of the owner that executes the request, or has answered it.
	// A request to a node is asked with its Node, and has no Epoch.
	Node      string     `json:"node,omitempty" bson:"node,omitempty"`
	Epoch     int64      `json:"epoch,omitempty" bson:"epoch,omitempty"`
	StartedAt *time.Time `json:"startedAt,omitempty" bson:"startedAt,omitempty"` // by its first owner
	// Starts counts the starts: one more after each take-over in between.
	Starts   int64     `json:"starts,omitempty" bson:"starts,omitempty"`
	Progress *Progress `json:"progress,omitempty" bson:"progress,omitempty"`
	Answer   *Answer   `json:"answer,omitempty" bson:"answer,omitempty"`

	Reason    string     `json:"reason,omitempty" bson:"reason,omitempty"` // why it has failed
	EndedAt   *time.Time `json:"endedAt,omitempty" bson:"endedAt,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" bson:"expiresAt,omitempty"` // when the store removes it
}

// MaxKeys is the maximum number of documents that a request names.
const MaxKeys = 1000

// The kinds of requests.
const (
	StatusRequest   = "status"   // how the chain is
	RewindRequest   = "rewind"   // roll back to Height
	RetryRequest    = "retry"    // decode dead letters again
	RedecodeRequest = "redecode" // decode the stream's raw events beyond Height again
	RefoldRequest   = "refold"   // fold the documents with Keys again from the log
	PauseRequest    = "pause"    // stop following the stream
	ResumeRequest   = "resume"   // follow the stream again
	DrainRequest    = "drain"    // hand the node's chains over, and acquire none
	UndrainRequest  = "undrain"  // acquire chains again
)

// RequestKinds are all kinds.
var RequestKinds = []string{StatusRequest, RewindRequest, RetryRequest, RedecodeRequest, RefoldRequest, PauseRequest, ResumeRequest, DrainRequest, UndrainRequest}

// The states of a request.
const (
	RequestPending = "pending"
	RequestRunning = "running"
	RequestDone    = "done"
	RequestFailed  = "failed"
)

// NotFollowed is the reason of a failed request of a chain that no worker follows.
const NotFollowed = "the worker does not follow the chain"

// AskWithin is how long the owner of a chain may take to start a user's request: longer
// than a chain is usually without an owner.
const AskWithin = time.Minute

// How long requests are kept after their end.
const (
	KeepStatus  = time.Hour
	KeepRequest = 7 * 24 * time.Hour
)

// Progress is the progress of a request's execution.
type Progress struct {
	Step  string `json:"step" bson:"step"` // the current step, for people
	Done  int64  `json:"done" bson:"done"`
	Total int64  `json:"total" bson:"total"` // 0 if unknown
}

// Answer is the answer of a chain's owner.
type Answer struct {
	Phase string `json:"phase,omitempty" bson:"phase,omitempty"` // of the chain at its owner: running, stopping

	// Streams are those that a rewind has rolled back. They are on the document from the
	// start of the execution, so that the next owner reports the same.
	Streams []RewoundStream `json:"streams,omitempty" bson:"streams,omitempty"`
	// Orders counts the orders and records that the undone activities are about.
	Orders int64 `json:"orders,omitempty" bson:"orders,omitempty"`
	// Decoded counts the dead letters, or the raw events, that were decoded, and Remaining
	// the dead letters that still cannot be; Notes say why, of the first ones, or what became
	// of the streams whose definition had changed.
	Decoded   int64    `json:"decoded,omitempty" bson:"decoded,omitempty"`
	Remaining int64    `json:"remaining,omitempty" bson:"remaining,omitempty"`
	Notes     []string `json:"notes,omitempty" bson:"notes,omitempty"`

	Chains []string `json:"chains,omitempty" bson:"chains,omitempty"` // that a drain moves
}

// RewoundStream is a stream that was rolled back, or would be.
type RewoundStream struct {
	Market      string        `json:"market" bson:"market"`
	Stream      string        `json:"stream" bson:"stream"`
	From        markets.Place `json:"from" bson:"from"`
	To          markets.Place `json:"to" bson:"to"`
	Activities  int64         `json:"activities" bson:"activities"` // undone
	DeadLetters int64         `json:"deadLetters" bson:"deadLetters"`
}

// Ended reports whether the request was answered or has failed.
func (r Request) Ended() bool { return r.State == RequestDone || r.State == RequestFailed }

// ToNode reports whether the request is to a node, not to a chain's owner.
func (r Request) ToNode() bool { return r.Kind == DrainRequest || r.Kind == UndrainRequest }

// Subject is what the request is about: chain, chain/market or chain/market/stream, or a node.
func (r Request) Subject() string {
	if r.ToNode() {
		return r.Node
	}
	s := r.Chain
	for _, name := range []string{r.Market, r.Stream} {
		if name != "" {
			s += "/" + name
		}
	}
	return s
}

// RequestQueue keeps the requests.
type RequestQueue interface {
	// Ask creates the documents of requests, whose IDs must be new: pending, and overdue
	// after a time.
	Ask(ctx context.Context, requests []Request, overdue time.Duration) error
	// Requests returns the requests with the given IDs that exist, sorted by ID.
	Requests(ctx context.Context, ids []string) ([]Request, error)
	// Pending returns the requests that have not ended, sorted by ID: those that run are
	// among them.
	Pending(ctx context.Context) ([]Request, error)
	// StartRequest starts a request of a chain, if it is pending, or running at owned's
	// epoch or an earlier one, and the chain's lease still equals owned, all in one
	// transaction. It returns the resulting document. ErrLeaseChanged: the chain has another
	// owner. False: the request has ended, or does not exist.
	StartRequest(ctx context.Context, owned Lease, id string) (Request, bool, error)
	// ReportRequest writes the progress and the answer so far of a request that its owner
	// has started; nothing if another owner has started the request since.
	ReportRequest(ctx context.Context, started Request) error
	// FinishRequest ends a request that its owner has started: as failed if it has a reason,
	// or else as done with its answer. The conditions are StartRequest's. False: another
	// owner has started the request since, or it has ended.
	FinishRequest(ctx context.Context, owned Lease, started Request) (bool, error)
	// Fail ends a request as failed if it is still pending and is overdue by the store's
	// clock; false if not.
	Fail(ctx context.Context, id, reason string) (bool, error)
	// Withdraw ends a request as failed if it is still pending; false if not.
	Withdraw(ctx context.Context, id, reason string) (bool, error)
}
