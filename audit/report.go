package audit

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Kind says how the log differs from the chain.
type Kind string

// The kinds of differences.
const (
	Missing   Kind = "missing"   // only on the chain, or only yielded by the log
	Extra     Kind = "extra"     // only in the log, or only in the collection
	Different Kind = "different" // in both, but a field differs
)

// Letter is the Event of a Difference about a dead letter.
const Letter = "dead_letter"

// Difference is a difference between the log and the chain, or between a document and the
// log.
type Difference struct {
	Kind   Kind   `json:"kind"`
	Market string `json:"market"`
	Stream string `json:"stream,omitempty"`
	// Collection is the collection of a document that differs from the fold of its log;
	// empty if the log differs from the chain.
	Collection  string           `json:"collection,omitempty"`
	Event       string           `json:"event,omitempty"` // the event's kind, or Letter
	Order       string           `json:"order,omitempty"` // key of the order, record or maker, or _id of the notification
	Seq         int64            `json:"seq"`
	Position    markets.Position `json:"position"`
	Block       string           `json:"block,omitempty"`
	Transaction string           `json:"transaction,omitempty"`
	Fields      []Field          `json:"fields,omitempty"` // only if Kind is Different
	Note        string           `json:"note,omitempty"`
	// Before is a height below the difference: a rewind of the stream to it removes the
	// difference.
	Before int64 `json:"before"`
}

// Field is a field that differs, with its values in the log and in the chain or the
// document. A value is nil if the field is missing.
type Field struct {
	Path     string          `json:"path"`
	Log      json.RawMessage `json:"log,omitempty"`
	Chain    json.RawMessage `json:"chain,omitempty"`
	Document json.RawMessage `json:"document,omitempty"`
}

// The parts of a report that are stored.
type (
	Counts = persistence.AuditCounts
	Stream = persistence.AuditStream
	Mark   = persistence.AuditMark
)

// agreed is the kind of an event that agrees.
const agreed Kind = ""

// count adds an event of a kind.
func count(c *Counts, kind Kind) {
	c.Events++
	switch kind {
	case Missing:
		c.Missing++
	case Extra:
		c.Extra++
	case Different:
		c.Different++
	default:
		c.Agree++
	}
}

// note adds a note to a stream unless it has it.
func note(s *Stream, text string) {
	if !slices.Contains(s.Notes, text) {
		s.Notes = append(s.Notes, text)
	}
}

// lowerBefore lowers the height below all differences of a stream.
func lowerBefore(s *Stream, height int64) {
	if s.Before == nil || height < *s.Before {
		s.Before = &height
	}
}

// Report is the result of an audit.
type Report struct {
	Chain     string    `json:"chain"`
	Source    string    `json:"source"` // the hosts of the endpoints
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt"`
	Counts
	Streams   []Stream    `json:"streams"`
	Documents []Documents `json:"documents,omitempty"`
	// Refold has the keys of the orders and records that differ, by market.
	Refold map[string][]string `json:"-"`
	Notes  []string            `json:"notes,omitempty"`
}

// Differences returns the number of events and documents that differ.
func (r Report) Differences() int64 {
	return r.Differ() + persistence.DocumentsOf(r.Documents).Differ()
}

// Range returns the lowest and the highest height that were compared; false if none were.
func (r Report) Range() (from, to int64, any bool) {
	for _, s := range r.Streams {
		if s.From > s.To {
			continue
		}
		if !any {
			from, to, any = s.From, s.To, true
		}
		from, to = min(from, s.From), max(to, s.To)
	}
	return from, to, any
}
