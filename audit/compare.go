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

// entries are what a log has of a stream between two seqs, or should have.
type entries struct {
	activities []markets.Activity
	letters    []markets.DeadLetter
}

// reading is what was read of the chain, and what a log makes of it.
type reading struct {
	entries
	raws []markets.Raw
}

// comparison compares the entries of a stream between two seqs.
type comparison struct {
	ref    persistence.MarketRef
	stream markets.Stream
	// wanted says whether an event that the log does not have is surely the market's own; nil:
	// all are.
	wanted func(markets.Event) bool
	// within says whether a height is to be compared.
	within func(height int64) bool
	// before is a height below an entry of the log that is not on the chain, and beforeEvent
	// one below an event of the chain at a height.
	before, beforeEvent func(int64) int64
}

// outcome is what came of a comparison.
type outcome struct {
	agree       int64
	decodable   int64
	differences []Difference
}

// matching is the state of a comparison.
type matching struct {
	comparison
	outcome
	events  map[markets.Position]*markets.Activity   // of the chain, not matched yet
	letters map[markets.Position]*markets.DeadLetter // of the chain, not matched yet
	decoded map[markets.Position]bool                // raw events of which the log has activities
	raws    []markets.Raw
	err     error
}

// compare compares what the chain has with what the log has.
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
	m.rest()
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

// letter matches a dead letter of the log: with one, or with the raw event that can be decoded
// now.
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

// asLetter is the raw event at a position as a dead letter; nil if the chain has none.
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

// matchLetter compares a dead letter of the log with that of the chain, whatever the reasons.
func (m *matching) matchLetter(log, chain markets.DeadLetter) {
	log.Reason, chain.Reason = "", ""
	m.match(ofLetter(Different, log), log, chain)
}

// match compares two documents; d is the difference between them, without its fields.
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
	if bytes.Equal(l, c) { // most are, and need not be taken apart
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

// rest is what the chain has and the log does not.
func (m *matching) rest() {
	for _, a := range m.events {
		if m.wanted == nil || m.wanted(a.Event) {
			m.differ(ofActivity(Missing, *a))
		}
	}
	for _, d := range m.letters {
		m.differ(ofLetter(Missing, *d))
	}
}

// rawPosition is the position of the raw event that an event was decoded from.
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
