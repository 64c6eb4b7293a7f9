package facts

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// The paces of asking about open orders.
const (
	freshPage  = 50               // orders looked at together for those never asked about
	slowPace   = 50               // orders a block of a round that nothing demands
	slowEvery  = 10 * time.Minute // between the end of a round and the start of the next, by the chain's clock
	maxChosen  = 2000             // orders a block
	maxMakers  = 20_000           // orders of the makers whom logs name
	maxWaiting = 100_000          // orders that wait for later blocks
)

// memory is what is known at a place of the orders that are still to be asked about. It is
// lost with the process, and made up for by a full round.
type memory struct {
	round   bool // a round is under way
	urgent  bool // as fast as possible
	cursor  persistence.OpenCursor
	next    time.Time       // when a round is due
	waiting map[string]bool // orders that logs touched, beyond maxChosen

	asked, differed int // in the round
}

// memories are those at the last places: after a reorganisation, reading goes on from one of
// them.
type memories struct {
	kept []kept
}

type kept struct {
	place  markets.Place
	memory memory
}

const maxMemories = 256

// at is a copy of the memory at a place. Where there is none, all open orders are to be asked
// about.
func (m *memories) at(place markets.Place) memory {
	for _, k := range m.kept {
		if sameBlock(k.place, place) {
			out := k.memory
			out.waiting = maps.Clone(out.waiting)
			return out
		}
	}
	return memory{round: true, urgent: true}
}

func (m *memories) put(place markets.Place, memory memory) {
	m.kept = slices.DeleteFunc(m.kept, func(k kept) bool { return sameBlock(k.place, place) })
	m.kept = append(m.kept, kept{place, memory})
	if len(m.kept) > maxMemories {
		m.kept = slices.Delete(m.kept, 0, 1)
	}
}

// why says why an order is chosen.
type why int

const (
	demanded why = iota // a log touches it, or it was never asked about
	hurried             // all are asked about, as fast as possible
	inTurn              // only because its turn has come
)

// chosen is an order to ask about.
type chosen struct {
	markets.Order
	why why
}

// choose returns the orders to ask about at a block: those that its logs touch, those never
// asked about, and the next of a round through all.
func (r *reader) choose(ctx context.Context, m *memory, b block, moved movements, limit int) ([]chosen, error) {
	limit = min(max(limit, 1), maxChosen)
	if moved.everything {
		m.restart()
	}
	s := selection{at: b, limit: limit, known: map[string]bool{}}
	if err := r.chooseTouched(ctx, m, &moved, &s); err != nil {
		return nil, err
	}
	if err := r.chooseFresh(ctx, &s); err != nil {
		return nil, err
	}
	if err := r.chooseInTurn(ctx, m, &s); err != nil {
		return nil, err
	}
	return s.orders, nil
}

// chooseFresh chooses the orders that were never asked about: they come first.
func (r *reader) chooseFresh(ctx context.Context, s *selection) error {
	for from := (persistence.OpenCursor{}); s.room() > 0; {
		page, err := r.store.OpenOrders(ctx, r.Ref, from, min(s.room(), freshPage))
		if err != nil {
			return err
		}
		for _, o := range page {
			if o.Checked != nil {
				return nil
			}
			s.add(o, demanded)
			from = persistence.CursorAt(o)
		}
		if len(page) < freshPage {
			return nil
		}
	}
	return nil
}

// restart starts a round as fast as possible.
func (m *memory) restart() { *m = memory{round: true, urgent: true} }

// chooseTouched chooses the orders that logs touch, those that wait from earlier blocks first.
func (r *reader) chooseTouched(ctx context.Context, m *memory, moved *movements, s *selection) error {
	keys := slices.Sorted(maps.Keys(m.waiting))
	for key := range moved.orders {
		if !m.waiting[key] {
			keys = append(keys, key)
		}
	}
	m.waiting = nil
	found, err := r.store.OpenOrdersWith(ctx, r.Ref, keys)
	if err != nil {
		return err
	}
	theirs, err := r.store.OpenOrdersOf(ctx, r.Ref, moved.holders(), maxMakers)
	if err != nil {
		return err
	}
	for _, o := range theirs {
		if moved.touch(&o) {
			found = append(found, o)
		}
	}
	for _, o := range found {
		if !s.add(o, demanded) && !s.known[o.Key] && o.First.Height <= s.at.Seq {
			if m.waiting == nil {
				m.waiting = map[string]bool{}
			}
			m.waiting[o.Key] = true
		}
	}
	if len(theirs) == maxMakers || len(m.waiting) > maxWaiting {
		m.restart()
	}
	return nil
}

// chooseInTurn chooses the next orders of the round, if one is under way or due.
func (r *reader) chooseInTurn(ctx context.Context, m *memory, s *selection) error {
	if !m.round && !s.at.time.Before(m.next) {
		m.round = true
	}
	pace, reason := min(s.room(), slowPace), inTurn
	if m.urgent {
		pace, reason = s.room(), hurried
	}
	if !m.round || pace == 0 {
		return nil
	}
	turn, err := r.store.OpenOrders(ctx, r.Ref, m.cursor, pace)
	if err != nil {
		return err
	}
	for _, o := range turn {
		s.add(o, reason)
		m.cursor = persistence.CursorAt(o)
	}
	if len(turn) < pace {
		m.round, m.urgent, m.cursor, m.next = false, false, persistence.OpenCursor{}, s.at.time.Add(slowEvery)
	}
	return nil
}

// count notes how many orders were asked about, and how many of a round were found to be
// different from their documents. At the round's end that is reported.
func (r *reader) count(m *memory, b block, orders []chosen, events []markets.Event) {
	news := map[string]bool{}
	for _, e := range events {
		news[e.Order] = true
	}
	r.counters.orders.Add(int64(len(orders)))
	for _, o := range orders {
		if o.why == demanded {
			continue
		}
		m.asked++
		if news[o.Key] {
			m.differed++
		}
		if o.why == inTurn {
			r.counters.turns.Add(1)
			if news[o.Key] {
				r.counters.differed.Add(1)
			}
		}
	}
	if !m.round && m.asked > 0 {
		r.log.Info("asked the contracts about all open orders", "block", b.Seq, "orders", m.asked, "differed", m.differed)
		m.asked, m.differed = 0, 0
	}
}

// selection is the orders chosen at a block.
type selection struct {
	at     block
	limit  int
	orders []chosen
	known  map[string]bool
}

func (s *selection) room() int { return max(0, s.limit-len(s.orders)) }

// add adds an order that exists at the block, if there is room and it is not chosen yet.
func (s *selection) add(o markets.Order, why why) bool {
	if s.known[o.Key] || s.room() == 0 || o.First.Height > s.at.Seq {
		return false
	}
	s.known[o.Key] = true
	s.orders = append(s.orders, chosen{o, why})
	return true
}
