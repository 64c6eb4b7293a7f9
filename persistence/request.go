package persistence

import "time"

// Request is the document of a request to a chain's owner, whichever node that is. The
// owner executes the request under its lease, once, and answers in the same document. A
// request that has not been answered when it is overdue fails.
//
//	pending ──owner, under its lease──▶ done
//	   └──any node, once it is overdue──▶ failed
//
// The store removes ended requests after an hour. A new kind adds its own fields: its
// parameters beside Kind, its progress and its result in Answer.
type Request struct {
	ID    string `json:"_id" bson:"_id"` // random
	Chain string `json:"chain" bson:"chain"`
	Kind  string `json:"kind" bson:"kind"`
	State string `json:"state" bson:"state"`

	AskedBy   string    `json:"askedBy" bson:"askedBy"` // a node's ID
	AskedAt   time.Time `json:"askedAt" bson:"askedAt"` // all times by the server's clock
	OverdueAt time.Time `json:"overdueAt" bson:"overdueAt"`

	// Node and Epoch are those of the owner that answered.
	Node   string  `json:"node,omitempty" bson:"node,omitempty"`
	Epoch  int64   `json:"epoch,omitempty" bson:"epoch,omitempty"`
	Answer *Answer `json:"answer,omitempty" bson:"answer,omitempty"`

	Reason  string     `json:"reason,omitempty" bson:"reason,omitempty"` // why it has failed
	EndedAt *time.Time `json:"endedAt,omitempty" bson:"endedAt,omitempty"`
}

// StatusRequest is the kind of request that asks for a chain's status.
const StatusRequest = "status"

// The states of a request.
const (
	RequestPending = "pending"
	RequestDone    = "done"
	RequestFailed  = "failed"
)

// Answer is the answer of a chain's owner.
type Answer struct {
	Phase string `json:"phase" bson:"phase"` // of the chain at its owner: running, stopping
}

// Ended reports whether the request was answered or has failed.
func (r Request) Ended() bool { return r.State != RequestPending }
