package audit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"

	"github.com/imart/event-worker/actors/batch"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// entries are the entries of a stream's log in a range of seqs, as stored or as decoded
// from the chain.
type entries struct {
	activities []markets.Activity
	letters    []markets.DeadLetter
}

// reading is a page of the chain, raw and decoded.
type reading struct {
	entries
	raws []markets.Raw
}

// comparison compares the entries of a stream in a range of seqs.
type comparison struct {
	ref    persistence.MarketRef
	stream markets.Stream
	// required reports whether the log must have an event; nil if it must have all.
	required func(markets.Event) bool
	// within reports whether a height is to be compared.
	within func(height int64) bool
	// before returns a height below an entry of the log, by its seq, that is not on the
	// chain. beforeEvent returns a height below an event of the chain, by its height.
	before, beforeEvent func(int64) int64
}

// outcome is the result of a comparison.
type outcome struct {
	agree       int64
	decodable   int64
	differences []Difference
}

// matching is the state of a comparison.
type matching struct {
	comparison
	outcome
	events  map[markets.Position]*markets.Activity   // of the chain, unmatched
	letters map[markets.Position]*markets.DeadLetter // of the chain, unmatched
	decoded map[markets.Position]bool                // raw events with activities in the log
	raws    []markets.Raw
	err     error
}

// compare compares a page of the chain with entries of the log.
func (c comparison) compare(chain reading, log entries) (outcome, error) {
	m := matching{
		comparison: c, events: map[markets.Position]*markets.Activity{}, letters: map[markets.Position]*markets.DeadLetter{},
		decoded: map[markets.Position]bool{}, raws: chain.raws,
	}
	for i, a := range chain.activities {
		if c.within(a.Position.Height) {
			m.events[a.Position] = &chain.activities[i]
		}
	}
	for i, d := range chain.letters {
		if c.within(d.Position.Height) {
			m.letters[d.Position] = &chain.letters[i]
		}
	}
	for _, a := range log.activities {
		if c.within(a.Position.Height) {
			m.activity(a)
		}
	}
	for _, d := range log.letters {
		if c.within(d.Position.Height) {
			m.letter(d)
		}
	}
	m.missing()
	slices.SortFunc(m.differences, func(a, b Difference) int {
		return cmp.Or(a.Position.Compare(b.Position), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Event, b.Event))
	})
	return m.outcome, m.err
}

// activity matches an activity of the log.
func (m *matching) activity(a markets.Activity) {
	raw := rawPosition(a.Position)
	event, letter := m.events[a.Position], m.letters[raw]
	m.decoded[raw] = true
	switch {
	case event != nil:
		delete(m.events, a.Position)
		m.match(ofActivity(Different, a), a, *event)
	case letter != nil:
		delete(m.letters, raw)
		d := ofActivity(Different, a)
		d.Note = "it cannot be decoded: " + letter.Reason
		m.differ(d)
	default:
		m.differ(ofActivity(Extra, a))
	}
}

// letter matches a dead letter of the log with a raw event of the chain, whether that can
// be decoded now or not.
func (m *matching) letter(d markets.DeadLetter) {
	if letter := m.letters[d.Position]; letter != nil {
		delete(m.letters, d.Position)
		m.matchLetter(d, *letter)
		return
	}
	letter := m.asLetter(d.Position)
	if letter == nil || m.decoded[d.Position] {
		m.differ(ofLetter(Extra, d))
		return
	}
	m.decoded[d.Position] = true // a second one is extra
	for p := range m.events {
		if rawPosition(p) == d.Position {
			delete(m.events, p)
		}
	}
	m.decodable++
	m.matchLetter(d, *letter)
}

// asLetter returns the raw event at a position as a dead letter; nil if the chain has none.
func (m *matching) asLetter(p markets.Position) *markets.DeadLetter {
	of := func(raw markets.Raw) bool {
		return raw.Position.Height == p.Height && raw.Position.Transaction == p.Transaction
	}
	i := slices.IndexFunc(m.raws, func(raw markets.Raw) bool { return raw.Position == p })
	if i < 0 {
		return nil
	}
	for i > 0 && of(m.raws[i-1]) {
		i--
	}
	n := i
	for n < len(m.raws) && of(m.raws[n]) {
		n++
	}
	undecoded := m.stream
	undecoded.Decode = func(transaction []markets.Raw) (_ []markets.Event, all []markets.Failure) {
		for _, raw := range transaction {
			all = append(all, markets.Failure{Raw: raw, Reason: errors.New("not decoded")})
		}
		return nil, all
	}
	letters := batch.Decode(m.ref.Chain, m.ref.Market, undecoded, m.raws[i:n]).DeadLetters
	if i = slices.IndexFunc(letters, func(d markets.DeadLetter) bool { return d.Position == p }); i < 0 {
		return nil
	}
	return &letters[i]
}

// matchLetter compares a dead letter of the log with that of the chain, except for their
// reasons.
func (m *matching) matchLetter(log, chain markets.DeadLetter) {
	log.Reason, chain.Reason = "", ""
	m.match(ofLetter(Different, log), log, chain)
}

// match compares two documents. If they differ, d is the difference, to which match adds
// the fields.
func (m *matching) match(d Difference, log, chain any) {
	l, err := json.Marshal(log)
	if err != nil {
		m.err = err
		return
	}
	c, err := json.Marshal(chain)
	if err != nil {
		m.err = err
		return
	}
	if bytes.Equal(l, c) { // the common case needs no decoding
		m.agree++
		return
	}
	if d.Fields, err = differing(l, c); err != nil {
		m.err = err
		return
	}
	if len(d.Fields) == 0 {
		m.agree++
		return
	}
	m.differ(d)
}

func (m *matching) differ(d Difference) {
	d.Market, d.Stream = m.ref.Market, m.stream.Name
	if d.Kind == Extra {
		d.Before = m.before(d.Seq)
	} else {
		d.Before = m.beforeEvent(d.Position.Height)
	}
	m.differences = append(m.differences, d)
}

// missing adds the unmatched events of the chain.
func (m *matching) missing() {
	for _, a := range m.events {
		if m.required == nil || m.required(a.Event) {
			m.differ(ofActivity(Missing, *a))
		}
	}
	for _, d := range m.letters {
		m.differ(ofLetter(Missing, *d))
	}
}

// rawPosition returns the position of the raw event that an event was decoded from.
func rawPosition(p markets.Position) markets.Position {
	p.Sub = 0
	return p
}

func ofActivity(kind Kind, a markets.Activity) Difference {
	return Difference{
		Kind: kind, Event: string(a.Kind), Order: a.Key(), Seq: a.Seq, Position: a.Position, Block: a.Block, Transaction: a.Transaction,
	}
}

func ofLetter(kind Kind, d markets.DeadLetter) Difference {
	return Difference{
		Kind: kind, Event: Letter, Seq: d.Seq, Position: d.Position, Block: d.Block, Transaction: d.Transaction,
	}
}
