package facts

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// The paces of asking about open orders.
const (
	slowPace   = 50               // orders a block of a round that is not urgent
	slowEvery  = 10 * time.Minute // between the end of a round and the start of the next, by the chain's clock
	maxChosen  = 2000             // orders a block
	maxTheirs  = 20_000           // open orders of the makers whom logs name
	maxWaiting = 100_000          // orders that wait for later blocks
)

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
// asked about, and the next of a round through all. What moved then includes the orders that
// were waiting, and those whose documents are beyond the block.
func (r *reader) choose(ctx context.Context, m *memory, b block, moved *movements, limit int) ([]chosen, error) {
	limit = min(max(limit, 1), maxChosen)
	if moved.everything {
		m.restart()
	}
	s := selection{at: b, limit: limit, known: map[string]bool{}}
	if err := r.chooseTouched(ctx, m, moved, &s); err != nil {
		return nil, err
	}
	if err := r.chooseFresh(ctx, &s); err != nil {
		return nil, err
	}
	if err := r.chooseInTurn(ctx, m, &s); err != nil {
		return nil, err
	}
	for _, o := range s.orders {
		if o.Last.Height > b.Seq {
			moved.orders[o.Key] = true
		}
	}
	return s.orders, nil
}

// chooseFresh chooses the orders that were never asked about, which come first among the open
// ones. Most blocks have few: no more are read than show that.
func (r *reader) chooseFresh(ctx context.Context, s *selection) error {
	cursor := persistence.OpenCursor{}
	for most := slowPace; s.room() > 0; most = maxChosen {
		most = min(most, s.room())
		found, err := r.store.OpenOrders(ctx, r.Ref, cursor, most)
		if err != nil {
			return err
		}
		for _, o := range found {
			if o.Checked != nil {
				return nil
			}
			s.add(o, demanded)
			cursor = persistence.CursorAt(o)
		}
		if len(found) < most {
			return nil
		}
	}
	return nil
}

// chooseTouched chooses the orders that logs touch, those that wait from earlier blocks first.
func (r *reader) chooseTouched(ctx context.Context, m *memory, moved *movements, s *selection) error {
	waited := m.waiting
	m.waiting = nil
	for key := range waited {
		moved.orders[key] = true
	}
	found, err := r.store.OrdersWith(ctx, r.Ref, slices.Sorted(maps.Keys(moved.orders)))
	if err != nil {
		return err
	}
	theirs, err := r.store.OpenOrdersOf(ctx, r.Ref, moved.holders(), maxTheirs)
	if err != nil {
		return err
	}
	for _, o := range theirs {
		if moved.touch(&o) {
			found = append(found, o)
		}
	}
	turn := func(o markets.Order) int {
		if waited[o.Key] {
			return 0
		}
		return 1
	}
	slices.SortFunc(found, func(a, b markets.Order) int { return cmp.Or(turn(a)-turn(b), cmp.Compare(a.Key, b.Key)) })
	for _, o := range found {
		if !s.add(o, demanded) && !s.known[o.Key] && o.First.Height <= s.at.Seq {
			if m.waiting == nil {
				m.waiting = map[string]bool{}
			}
			m.waiting[o.Key] = true
		}
	}
	if len(theirs) == maxTheirs || len(m.waiting) > maxWaiting {
		m.restart()
	}
	return nil
}

// chooseInTurn chooses the next orders of the round, if one is under way or due.
func (r *reader) chooseInTurn(ctx context.Context, m *memory, s *selection) error {
	if !m.round && !s.at.time.Before(m.next) {
		m.round, m.since = true, 0
	}
	if m.since == 0 {
		m.since = s.at.Seq
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
	ended := len(turn) < pace
	for _, o := range turn {
		if o.Checked != nil && o.Checked.Height >= m.since {
			ended = true
			break
		}
		s.add(o, reason)
		m.cursor = persistence.CursorAt(o)
	}
	if ended {
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
