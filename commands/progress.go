package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/imart/event-worker/persistence"
)

// stream is how far one stream has come.
type stream struct {
	chain, market    string
	name             string // within its market
	seq, height      int64  // the least of its observers'
	unread           bool   // that place is where the stream starts
	head, lag        int64
	events, letters  int64
	state, lastError string
	restarts         int64
	rate             float64 // events a second
}

// id is chain/market/stream.
func (s stream) id() string { return s.chain + "/" + s.market + "/" + s.name }

// streams reads how far all streams have come.
func streams(ctx context.Context, docs querier) ([]stream, error) {
	all, err := collect[persistence.Actor](ctx, docs, persistence.Query{
		Collection: persistence.Actors,
		Filter:     persistence.Filter{Condition: persistence.Exists{Path: "stream"}},
	})
	if err != nil {
		return nil, err
	}
	byID := map[string]*stream{}
	for _, a := range all {
		s := stream{chain: a.Chain, market: a.Market, name: a.Stream, seq: -1}
		if byID[s.id()] == nil {
			byID[s.id()] = &s
		}
		byID[s.id()].add(a)
	}
	var out []stream
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		out = append(out, *byID[id])
	}
	return out, nil
}

// add adds what one of a stream's actors says. A subject's own document can be a
// little behind its observers'.
func (s *stream) add(a persistence.Actor) {
	s.restarts += a.Restarts
	if a.LastError != "" {
		s.lastError = a.LastError
	}
	s.head = max(s.head, a.Head)
	failing := s.state
	if a.Failing() && failing != persistence.FinalityBroken {
		failing = a.Status
	}
	switch {
	case a.Kind == "subject":
		s.lag = a.Lag
		if s.state == "" || a.Status == persistence.Following {
			s.state = a.Status
		}
	case a.Kind == "observer":
		s.events, s.letters = max(s.events, a.Events), max(s.letters, a.DeadLetters)
		if s.seq < 0 || a.Seq < s.seq {
			s.seq, s.height, s.unread = a.Seq, a.Height(), a.Hash == "" && a.Through == 0
			if s.state == "" || a.Status == persistence.Following {
				s.state = a.Status
			}
		}
	}
	if (persistence.Report{Status: failing}).Failing() {
		s.state = failing
	}
}

// rates works out events a second between looks.
type rates struct {
	at     time.Time
	events map[string]int64
}

func newRates(now time.Time, streams []stream) *rates {
	r := &rates{at: now, events: map[string]int64{}}
	for _, s := range streams {
		r.events[s.id()] = s.events
	}
	return r
}

// fill sets the rates of streams since r was made.
func (r *rates) fill(now time.Time, streams []stream) {
	seconds := now.Sub(r.at).Seconds()
	for i := range streams {
		s := &streams[i]
		s.rate = float64(s.events-r.events[s.id()]) / seconds
	}
}

// columns are those of a stream's line. They fit a terminal of 80.
const columns = "%-23s %11s %13s %6s %8s  %s"

func (s stream) line() string {
	return fmt.Sprintf(columns, s.name, grouped(s.seq), grouped(s.head), grouped(s.events), grouped(int64(s.rate+0.5)), s.state)
}

// table has a line for each stream, below its market's name.
func table(all []stream) []string {
	lines := []string{fmt.Sprintf(columns, "", "seq", "head", "events", "events/s", "state")}
	last := ""
	for _, s := range all {
		if s.market != last {
			last = s.market
			lines = append(lines, s.chain+"/"+s.market)
		}
		lines = append(lines, s.line())
	}
	return lines
}
