package persistence

import (
	"time"

	"github.com/imart/event-worker/markets"
)

// Audit is the document of the audits of a chain's log: how far the present one is, and what came
// of the last one that was completed.
type Audit struct {
	Chain string `json:"_id" bson:"_id"`
	Node  string `json:"node" bson:"node"` // the last one that worked on it
	// StartedAt is when the present audit started; missing if there is none.
	StartedAt *time.Time `json:"startedAt,omitempty" bson:"startedAt,omitempty"`
	// Percent is how much of the present audit is done, and Streams are how far it is in each.
	Percent int64       `json:"percent,omitempty" bson:"percent,omitempty"`
	Streams []AuditMark `json:"streams,omitempty" bson:"streams,omitempty"`
	// Documents are what the present audit has found of the documents made of the log.
	Documents []AuditDocuments `json:"documents,omitempty" bson:"documents,omitempty"`
	LastError string           `json:"lastError,omitempty" bson:"lastError,omitempty"` // why the present audit does not go on
	UpdatedAt time.Time        `json:"updatedAt" bson:"updatedAt"`

	Last *AuditResult `json:"last,omitempty" bson:"last,omitempty"`
}

// AuditResult is what came of an audit.
type AuditResult struct {
	StartedAt   time.Time `json:"startedAt" bson:"startedAt"`
	EndedAt     time.Time `json:"endedAt" bson:"endedAt"`
	From        int64     `json:"from" bson:"from"` // heights, both included
	To          int64     `json:"to" bson:"to"`
	AuditCounts `bson:",inline"`
	Streams     []AuditStream    `json:"streams,omitempty" bson:"streams,omitempty"`
	Documents   []AuditDocuments `json:"documents,omitempty" bson:"documents,omitempty"`
}

// AuditDocuments is what came of the comparison of a market's orders, records or notifications
// with what its log makes.
type AuditDocuments struct {
	Market     string `json:"market" bson:"market"`
	Collection string `json:"collection" bson:"collection"`
	Compared   int64  `json:"compared" bson:"compared"`
	Missing    int64  `json:"missing" bson:"missing"`     // the log makes them, and they do not exist
	Extra      int64  `json:"extra" bson:"extra"`         // the log does not make them
	Different  int64  `json:"different" bson:"different"` // with other fields
}

// Differ is how many documents are not what the log makes.
func (d AuditDocuments) Differ() int64 { return d.Missing + d.Extra + d.Different }

// DocumentsOf is the sum of documents of several markets and collections.
func DocumentsOf(all []AuditDocuments) (sum AuditDocuments) {
	for _, d := range all {
		sum.Compared, sum.Missing = sum.Compared+d.Compared, sum.Missing+d.Missing
		sum.Extra, sum.Different = sum.Extra+d.Extra, sum.Different+d.Different
	}
	return sum
}

// AuditMark is how far the audit of a stream is.
type AuditMark struct {
	AuditStream `bson:",inline"`
	At          markets.Place `json:"at" bson:"at"`
	Done        bool          `json:"done,omitempty" bson:"done,omitempty"`
}

// AuditStream is what came of one stream.
type AuditStream struct {
	Market string `json:"market" bson:"market"`
	Stream string `json:"stream" bson:"stream"`
	// From and To are the heights that were compared, both included. From is greater than To
	// if there was nothing to compare.
	From        int64 `json:"from" bson:"from"`
	To          int64 `json:"to" bson:"to"`
	AuditCounts `bson:",inline"`
	// Decodable counts the dead letters that can be decoded now: they agree.
	Decodable int64 `json:"decodable,omitempty" bson:"decodable,omitempty"`
	// NotAsked counts the facts that cannot be asked again: no endpoint has the state of their
	// blocks any more, or they tell nothing of contracts.
	NotAsked int64 `json:"notAsked,omitempty" bson:"notAsked,omitempty"`
	// Before is a height below all differences: a rewind of the stream to it undoes them. It is
	// nil without differences.
	Before *int64 `json:"before,omitempty" bson:"before,omitempty"`
	// Notes are what has to be known to understand the counts.
	Notes []string `json:"notes,omitempty" bson:"notes,omitempty"`
}

// AuditCounts are how many events were compared, and what came of it: Events is the sum of the
// others. An event is an activity or a dead letter.
type AuditCounts struct {
	Events    int64 `json:"events" bson:"events"`
	Agree     int64 `json:"agree" bson:"agree"`
	Missing   int64 `json:"missing" bson:"missing"`     // on the chain, and not in the log
	Extra     int64 `json:"extra" bson:"extra"`         // in the log, and not on the chain
	Different int64 `json:"different" bson:"different"` // in both, with other fields
}

// Differ is how many events do not agree.
func (c AuditCounts) Differ() int64 { return c.Events - c.Agree }

// Add adds other counts.
func (c *AuditCounts) Add(o AuditCounts) {
	c.Events, c.Agree = c.Events+o.Events, c.Agree+o.Agree
	c.Missing, c.Extra, c.Different = c.Missing+o.Missing, c.Extra+o.Extra, c.Different+o.Different
}
