package persistence

import (
	"time"

	"github.com/imart/event-worker/markets"
)

// Audit is the document of the audits of a chain's log: the progress of the current audit,
// and the result of the last complete one.
type Audit struct {
	Chain string `json:"_id" bson:"_id"`
	Node  string `json:"node" bson:"node"` // the process that wrote the document last
	// StartedAt is the start of the current audit; missing if none is in progress.
	StartedAt *time.Time `json:"startedAt,omitempty" bson:"startedAt,omitempty"`
	// Percent is the progress of the current audit, and Streams that in each stream.
	Percent int64       `json:"percent,omitempty" bson:"percent,omitempty"`
	Streams []AuditMark `json:"streams,omitempty" bson:"streams,omitempty"`
	// Documents are the current audit's comparisons of documents so far.
	Documents []AuditDocuments `json:"documents,omitempty" bson:"documents,omitempty"`
	LastError string           `json:"lastError,omitempty" bson:"lastError,omitempty"` // of the current audit; it is retried
	UpdatedAt time.Time        `json:"updatedAt" bson:"updatedAt"`

	Last *AuditResult `json:"last,omitempty" bson:"last,omitempty"`
}

// AuditResult is the result of a complete audit.
type AuditResult struct {
	StartedAt   time.Time `json:"startedAt" bson:"startedAt"`
	EndedAt     time.Time `json:"endedAt" bson:"endedAt"`
	From        int64     `json:"from" bson:"from"` // heights, both included
	To          int64     `json:"to" bson:"to"`
	AuditCounts `bson:",inline"`
	Streams     []AuditStream    `json:"streams,omitempty" bson:"streams,omitempty"`
	Documents   []AuditDocuments `json:"documents,omitempty" bson:"documents,omitempty"`
}

// AuditDocuments is the result of comparing a market's orders, records or notifications
// with those that its log yields.
type AuditDocuments struct {
	Market     string `json:"market" bson:"market"`
	Collection string `json:"collection" bson:"collection"`
	Compared   int64  `json:"compared" bson:"compared"`
	Missing    int64  `json:"missing" bson:"missing"`     // only the log yields them
	Extra      int64  `json:"extra" bson:"extra"`         // only the collection has them
	Different  int64  `json:"different" bson:"different"` // a field differs
}

// Differ returns the number of documents that are missing, extra or different.
func (d AuditDocuments) Differ() int64 { return d.Missing + d.Extra + d.Different }

// DocumentsOf returns the sum over several markets and collections.
func DocumentsOf(all []AuditDocuments) (sum AuditDocuments) {
	for _, d := range all {
		sum.Compared, sum.Missing = sum.Compared+d.Compared, sum.Missing+d.Missing
		sum.Extra, sum.Different = sum.Extra+d.Extra, sum.Different+d.Different
	}
	return sum
}

// AuditMark is the progress of the audit of a stream: its result up to the place At.
type AuditMark struct {
	AuditStream `bson:",inline"`
	At          markets.Place `json:"at" bson:"at"`
	Done        bool          `json:"done,omitempty" bson:"done,omitempty"`
}

// AuditStream is the result of the audit of a stream.
type AuditStream struct {
	Market string `json:"market" bson:"market"`
	Stream string `json:"stream" bson:"stream"`
	// From and To are the heights that were compared, both included. From is greater than
	// To if none were.
	From        int64 `json:"from" bson:"from"`
	To          int64 `json:"to" bson:"to"`
	AuditCounts `bson:",inline"`
	// Decodable counts the dead letters that can be decoded now. They agree.
	Decodable int64 `json:"decodable,omitempty" bson:"decodable,omitempty"`
	// NotAsked counts the facts that were not compared: no endpoint has the state of their
	// blocks, or they are not answers of contracts.
	NotAsked int64 `json:"notAsked,omitempty" bson:"notAsked,omitempty"`
	// Before is a height below all differences: a rewind of the stream to it removes them.
	// It is nil if there are none.
	Before *int64 `json:"before,omitempty" bson:"before,omitempty"`
	// Notes explain the counts.
	Notes []string `json:"notes,omitempty" bson:"notes,omitempty"`
}

// AuditCounts are numbers of compared events, which are activities and dead letters. Events
// is the sum of the others.
type AuditCounts struct {
	Events    int64 `json:"events" bson:"events"`
	Agree     int64 `json:"agree" bson:"agree"`
	Missing   int64 `json:"missing" bson:"missing"`     // only on the chain
	Extra     int64 `json:"extra" bson:"extra"`         // only in the log
	Different int64 `json:"different" bson:"different"` // a field differs
}

// Differ returns the number of events that are missing, extra or different.
func (c AuditCounts) Differ() int64 { return c.Events - c.Agree }

// Add adds o to c.
func (c *AuditCounts) Add(o AuditCounts) {
	c.Events, c.Agree = c.Events+o.Events, c.Agree+o.Agree
	c.Missing, c.Extra, c.Different = c.Missing+o.Missing, c.Extra+o.Extra, c.Different+o.Different
}
