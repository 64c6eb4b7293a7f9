package progress

import "time"

// Meter measures the rates of streams, from the moment at which it was created.
type Meter struct {
	at   time.Time
	from map[string]mark // by stream
}

type mark struct{ events, height int64 }

// NewMeter returns a meter that starts at the progress of a tree.
func NewMeter(now time.Time, t Tree) *Meter {
	m := &Meter{at: now, from: map[string]mark{}}
	for s := range t.Streams() {
		m.from[s.ID()] = mark{s.Events, s.Place.Height()}
	}
	return m
}

// Since returns the time since the meter was created.
func (m *Meter) Since(now time.Time) time.Duration { return now.Sub(m.at) }

// Measure sets the rates of a later tree's streams. A rate is not negative: a
// reorganisation sets it to zero. A stream that was not in the meter's tree starts with
// no events, and has no rate of heights until the next meter.
func (m *Meter) Measure(now time.Time, t Tree) {
	seconds := m.Since(now).Seconds()
	if seconds <= 0 {
		return
	}
	for s := range t.Streams() {
		from, known := m.from[s.ID()]
		s.EventsPerSecond = max(0, float64(s.Events-from.events)/seconds)
		if known {
			s.HeightsPerSecond = max(0, float64(s.Place.Height()-from.height)/seconds)
		}
	}
}

// Events counts the events that a later tree has beyond the meter's.
func (m *Meter) Events(t Tree) (n int64) {
	for s := range t.Streams() {
		n += s.Events - m.from[s.ID()].events
	}
	return n
}
