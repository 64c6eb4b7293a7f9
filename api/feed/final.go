package feed

import (
	"context"
	"math"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/finality"
)

// finals are the heights of finality that a stream has sent, and will send.
type finals struct {
	read time.Time // the time of the last query
	// due is sent once the reader has all changes up to the position dueAt.
	due   []finalEvent
	dueAt string
	sent  map[part]int64
}

// part is a part of a collection with a common height of finality.
type part struct {
	Collection string `json:"collection"`
	Chain      string `json:"chain"`
	Market     string `json:"market"`
	Stream     string `json:"stream,omitempty"`
}

// finalEvent is the data of an event of finality.
type finalEvent struct {
	part
	Height int64 `json:"height,omitempty"`
	All    bool  `json:"all,omitempty"` // the chain cannot be reorganised
}

func newFinalEvent(p part, height int64) finalEvent {
	if height == math.MaxInt64 {
		return finalEvent{part: p, All: true}
	}
	return finalEvent{part: p, Height: height}
}

func (e finalEvent) height() int64 {
	if e.All {
		return math.MaxInt64
	}
	return e.Height
}

// sendFinal sends what has become final. Finality is true of the documents at the time of its
// query: a reader that is behind may have documents that were retracted since. So it is sent
// only once the reader has all changes up to that time.
func (s *stream) sendFinal(ctx context.Context, c persistence.Change) error {
	f := &s.final
	idle := c.Collection == ""
	if len(f.due) > 0 && (idle || s.Data.Reached(c.Position, f.dueAt)) {
		for _, e := range f.due {
			if err := s.send("final", "", e); err != nil {
				return err
			}
			f.sent[e.part] = e.height()
		}
		f.due = nil
	}
	if len(f.due) > 0 || time.Since(f.read) < s.FinalEvery {
		return nil
	}
	due, at, err := s.readFinal(ctx)
	if err != nil {
		return ctx.Err() // retried at the next change
	}
	f.due, f.dueAt, f.read = due, at, time.Now()
	return nil
}

// readFinal returns what has become final, and the position that a reader must have reached.
func (s *stream) readFinal(ctx context.Context) (due []finalEvent, at string, err error) {
	if s.final.sent == nil {
		s.final.sent = map[part]int64{}
	}
	for _, collection := range s.request.collections {
		if !finality.Of(collection) {
			continue
		}
		horizon, err := finality.Read(ctx, s.Data, collection)
		if err != nil {
			return nil, "", err
		}
		for _, h := range horizon.Heights() {
			p := part{collection, h.Chain, h.Market, h.Stream}
			if before, known := s.final.sent[p]; s.request.Wants(h.Chain, h.Market) && (!known || h.Height > before) {
				due = append(due, newFinalEvent(p, h.Height))
			}
		}
	}
	if len(due) > 0 {
		at, err = s.Data.Newest(ctx)
	}
	return due, at, err
}
