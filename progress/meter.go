package progress

import "time"

// Meter measures the rates of streams and chains since its creation.
type Meter struct {
	at       time.Time
	from     map[string]mark  // by stream
	requests map[string]int64 // by chain
}

type mark struct {
	events, height int64
	placed         bool // whether the height is known
}

// NewMeter returns a meter that starts at the progress of a tree.
func NewMeter(now time.Time, t Tree) *Meter {
	m := &Meter{at: now, from: map[string]mark{}, requests: map[string]int64{}}
	for s := range t.Streams() {
		height, known := s.Height()
		m.from[s.ID()] = mark{s.Events, height, known}
	}
	for _, c := range t {
		m.requests[c.Name] = c.Requests()
	}
	return m
}

// Since returns the time since the meter was created.
func (m *Meter) Since(now time.Time) time.Duration { return now.Sub(m.at) }

// Measure sets the rates of a later tree's streams and chains. A rate is not negative: a
// reorganisation sets it to zero. A stream that was not in the meter's tree starts with
// no events, and has no rate of heights until the next meter.
func (m *Meter) Measure(now time.Time, t Tree) {
	seconds := m.Since(now).Seconds()
	if seconds <= 0 {
		return
	}
	for s := range t.Streams() {
		from := m.from[s.ID()]
		s.EventsPerSecond = max(0, float64(s.Events-from.events)/seconds)
		if height, known := s.Height(); known && from.placed {
			s.HeightsPerSecond = max(0, float64(height-from.height)/seconds)
		}
	}
	for _, c := range t {
		if before, known := m.requests[c.Name]; known {
			c.RequestsPerSecond = max(0, float64(c.Requests()-before)/seconds)
		}
	}
}

// Events counts the events that a later tree's logs have gained since the meter's creation,
// and those that they have lost to reorganisations or rewinds. It sees only the net change
// of each stream.
func (m *Meter) Events(t Tree) (added, undone int64) {
	for s := range t.Streams() {
		n := s.Events - m.from[s.ID()].events
		added, undone = added+max(0, n), undone+max(0, -n)
	}
	return added, undone
}

// Window measures rates over a sliding window of time.
type Window struct {
	span   time.Duration
	meters []*Meter // the oldest first
}

// NewWindow returns a window of a length.
func NewWindow(span time.Duration) *Window { return &Window{span: span} }

// marksInSpan bounds the number of meters in a window.
const marksInSpan = 16

// Measure sets the rates of a tree's streams and chains. Each tree must be newer than the
// one before.
func (w *Window) Measure(now time.Time, t Tree) {
	for len(w.meters) > 1 && w.meters[1].Since(now) >= w.span {
		w.meters = w.meters[1:]
	}
	if len(w.meters) > 0 {
		w.meters[0].Measure(now, t)
	}
	if last := len(w.meters) - 1; last < 0 || w.meters[last].Since(now) >= w.span/marksInSpan {
		w.meters = append(w.meters, NewMeter(now, t))
	}
}
