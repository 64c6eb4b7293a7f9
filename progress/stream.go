package progress

import (
	"math"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Stream is the progress of a stream. Heights are block numbers, or ledger versions on
// Aptos.
type Stream struct {
	Chain, Market, Name string
	Condition
	State string // its failure, or else paused, following, backfilling or stopped

	Place       markets.Place // up to where all its observers have executed it; Seq is -1 before they exist
	Head        int64         // the chain's newest height that its actors know; 0 if none
	Lag         int64         // heights between the stream and the head
	Events      int64         // in its log
	DeadLetters int64         // of these

	// EventsPerSecond and HeightsPerSecond are 0 unless a Meter has measured them.
	EventsPerSecond, HeightsPerSecond float64

	Subject *persistence.Actor // the document of its subject; nil if there is none
	Log     *persistence.Actor // that of the observer that keeps its log; nil if there is none

	slowest *persistence.Actor // of its observers
	paused  bool
	blocks  bool // whether the sequence numbers of its chain are heights
}

// ID is chain/market/stream.
func (s *Stream) ID() string { return s.Chain + "/" + s.Market + "/" + s.Name }

// Started reports whether any of the stream has been read.
func (s *Stream) Started() bool { return s.Place.Hash != "" || s.Place.Through != 0 }

// Height returns the stream's height in the unit of its head: a block number or a ledger
// version. It is unknown (false) for an Aptos stream of which nothing has been read, whose
// place is only the sequence number of an event.
func (s *Stream) Height() (int64, bool) { return heightOf(s.Place, s.blocks) }

func heightOf(p markets.Place, blocks bool) (int64, bool) {
	if p.Hash == "" && p.Through == 0 && (!blocks || p.Seq < 0) {
		return 0, false
	}
	return p.Height(), true
}

// AboveHead reports whether the stream waits for the chain's head to reach its start.
func (s *Stream) AboveHead() bool {
	height, known := s.Height()
	return known && !s.Started() && s.Head > 0 && height > s.Head
}

// Behind reports whether the stream still has history to read.
func (s *Stream) Behind() bool {
	if s.AboveHead() || s.State == persistence.Paused || s.State == persistence.Stopped {
		return false
	}
	return s.State == persistence.Backfilling || !s.Started() && (s.Lag > 0 || s.Head == 0)
}

// remaining returns the heights between the stream and the head.
func (s *Stream) remaining() int64 {
	if _, known := s.Height(); !known {
		return math.MaxInt64
	}
	return s.Lag
}

// Percent returns the share of the heights from the stream's start to the head that it has
// passed, from 0 to 100.
func (s *Stream) Percent() float64 {
	if s.Head <= 0 || s.slowest == nil || !s.Started() && s.Lag > 0 {
		return 0
	}
	span := s.Head - s.start()
	if span <= 0 || s.Lag <= 0 {
		return 100
	}
	return 100 * float64(max(0, span-s.Lag)) / float64(span)
}

// start returns the first known height of the stream; 0 if there is none.
func (s *Stream) start() int64 {
	for _, at := range s.slowest.Trail {
		if height, known := heightOf(at, s.blocks); known {
			return height
		}
	}
	return 0
}

// maxETA bounds the times that ETA returns.
const maxETA = 10 * 365 * 24 * time.Hour

// ETA returns the time until the stream reaches the head at its measured rate; false if it
// does not advance, or too slowly.
func (s *Stream) ETA() (time.Duration, bool) {
	if s.Lag == 0 {
		return 0, true
	}
	if s.HeightsPerSecond <= 0 {
		return 0, false
	}
	seconds := float64(s.Lag) / s.HeightsPerSecond
	if seconds > maxETA.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

func (s *Stream) add(a persistence.Actor) {
	s.Condition.add(a)
	s.Head = max(s.Head, a.Head)
	switch a.Kind {
	case "subject":
		s.Subject = &a
	case "worker":
		s.paused = a.Paused
	case "observer":
		if !a.Documents {
			s.Log = &a
			s.Events, s.DeadLetters = max(s.Events, a.Events), max(s.DeadLetters, a.DeadLetters)
		}
		if s.slowest == nil || behind(a.Place, s.slowest.Place) {
			s.slowest = &a
		}
	}
}

func behind(a, b markets.Place) bool {
	return a.Seq < b.Seq || a.Seq == b.Seq && a.Through < b.Through
}

// derive sets what depends on several of the stream's actors.
func (s *Stream) derive() {
	s.Place = markets.Place{Seq: -1}
	if s.slowest != nil {
		s.Place = s.slowest.Place
	}
	s.State, s.Lag = s.state(), s.lag()
}

func (s *Stream) state() string {
	switch {
	case s.Failing != "":
		return s.Failing
	case s.paused:
		return persistence.Paused
	case s.slowest == nil && s.Subject == nil:
		return ""
	case s.slowest == nil || s.Subject != nil && s.Subject.Status == persistence.Following:
		return s.Subject.Status
	}
	return s.slowest.Status
}

// lag returns the smallest lag that the documents prove. The subject's can be older than
// its observers'; but on a range without events, only the subject's position advances.
func (s *Stream) lag() int64 {
	switch {
	case s.slowest == nil && s.Subject == nil:
		return 0
	case s.slowest == nil:
		return s.Subject.Lag
	}
	lag := max(0, s.Head-s.Place.Height())
	if s.Subject != nil {
		lag = min(lag, s.Subject.Lag)
	}
	return lag
}
