package audit

import (
	"encoding/json"
	"time"

	"github.com/imart/event-worker/markets"
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

// Difference is one between the log and the chain.
type Difference struct {
	Kind        Kind             `json:"kind"`
	Market      string           `json:"market"`
	Stream      string           `json:"stream"`
	Event       string           `json:"event"`           // its kind, or Letter
	Order       string           `json:"order,omitempty"` // or record, or maker
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
}

// Counts are how many events were compared, and what came of it. Events is the sum of the
// others. An event is an activity or a dead letter.
type Counts struct {
	Events    int64 `json:"events" bson:"events"`
	Agree     int64 `json:"agree" bson:"agree"`
	Missing   int64 `json:"missing" bson:"missing"`
	Extra     int64 `json:"extra" bson:"extra"`
	Different int64 `json:"different" bson:"different"`
}

// Differ is how many events do not agree.
func (c Counts) Differ() int64 { return c.Events - c.Agree }

func (c *Counts) add(kind Kind) {
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

func (c *Counts) sum(o Counts) {
	c.Events, c.Agree = c.Events+o.Events, c.Agree+o.Agree
	c.Missing, c.Extra, c.Different = c.Missing+o.Missing, c.Extra+o.Extra, c.Different+o.Different
}

// Stream is what came of one stream.
type Stream struct {
	Market string `json:"market" bson:"market"`
	Stream string `json:"stream" bson:"stream"`
	// From and To are the heights that were compared, both included. From is greater than To
	// if there was nothing to compare.
	From   int64 `json:"from" bson:"from"`
	To     int64 `json:"to" bson:"to"`
	Counts `bson:",inline"`
	// Decodable counts the dead letters that can be decoded now: they agree.
	Decodable int64 `json:"decodable,omitempty" bson:"decodable,omitempty"`
	// NotAsked counts the facts that cannot be asked again: no endpoint has the state of their
	// blocks any more, or they tell nothing of contracts.
	NotAsked int64 `json:"notAsked,omitempty" bson:"notAsked,omitempty"`
	// Before is the least Difference.Before; nil without differences.
	Before *int64 `json:"before,omitempty" bson:"before,omitempty"`
	// Notes are what has to be known to understand the counts.
	Notes []string `json:"notes,omitempty" bson:"notes,omitempty"`
}

func (s *Stream) note(text string) { s.Notes = append(s.Notes, text) }

// take counts a difference.
func (s *Stream) take(d Difference) {
	s.add(d.Kind)
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
	Streams []Stream `json:"streams"`
	Notes   []string `json:"notes,omitempty"`
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
