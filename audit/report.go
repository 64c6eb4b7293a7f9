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
	Missing   Kind = "missing"   // on the chain, and not in the log
	Extra     Kind = "extra"     // in the log, and not on the chain
	Different Kind = "different" // in both, with other fields
)

// Letter is what a Difference has as its event if it is about a dead letter.
const Letter = "dead_letter"

// Difference is one between the log and the chain, or between a document and the log.
type Difference struct {
	Kind   Kind   `json:"kind"`
	Market string `json:"market"`
	Stream string `json:"stream,omitempty"`
	// Collection is that of a document that differs from what the log makes; empty if it is the log
	// that differs from the chain.
	Collection  string           `json:"collection,omitempty"`
	Event       string           `json:"event,omitempty"` // its kind, or Letter
	Order       string           `json:"order,omitempty"` // or record, or maker; of a notification its _id
	Seq         int64            `json:"seq"`
	Position    markets.Position `json:"position"`
	Block       string           `json:"block,omitempty"`
	Transaction string           `json:"transaction,omitempty"`
	Fields      []Field          `json:"fields,omitempty"` // of Different
	Note        string           `json:"note,omitempty"`
	// Before is a height below the difference: a rewind of the stream to it undoes the
	// difference.
	Before int64 `json:"before"`
}

// Field is a field that is different. A value is nil where there is none.
type Field struct {
	Path  string          `json:"path"`
	Log   json.RawMessage `json:"log,omitempty"`
	Chain json.RawMessage `json:"chain,omitempty"`
	// Document is the value of a document that differs from its log.
	Document json.RawMessage `json:"document,omitempty"`
}

// What an audit counts, and how far it is, can be stored.
type (
	Counts = persistence.AuditCounts
	Stream = persistence.AuditStream
	Mark   = persistence.AuditMark
)

// agreed is the kind of an event that agrees.
const agreed Kind = ""

// count counts an event.
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

// note adds what has to be known of a stream, once.
func note(s *Stream, text string) {
	if !slices.Contains(s.Notes, text) {
		s.Notes = append(s.Notes, text)
	}
}

// take counts a difference of a stream.
func take(s *Stream, d Difference) {
	count(&s.AuditCounts, d.Kind)
	if s.Before == nil || d.Before < *s.Before {
		s.Before = &d.Before
	}
}

// Report is what came of an audit.
type Report struct {
	Chain     string    `json:"chain"`
	Source    string    `json:"source"` // hosts of endpoints
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt"`
	Counts
	Streams   []Stream    `json:"streams"`
	Documents []Documents `json:"documents,omitempty"`
	// Refold are the keys of orders and records that differ, by market.
	Refold map[string][]string `json:"-"`
	Notes  []string            `json:"notes,omitempty"`
}

// Differences is how many events and documents differ.
func (r Report) Differences() int64 {
	return r.Differ() + persistence.DocumentsOf(r.Documents).Differ()
}

// Range is the least and the greatest height of the streams that had anything to compare;
// false if none had.
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
