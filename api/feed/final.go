package feed

import (
	"context"
	"math"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/finality"
)

// finals is what a stream has told of what is final, and will tell.
type finals struct {
	read time.Time // when it was read last
	// due is told once the reader has all changes before the position of.
	due  []toldFinal
	of   string
	told map[part]int64
}

// part is a part of a collection that is final up to a height.
type part struct {
	Collection string `json:"collection"`
	Chain      string `json:"chain"`
	Market     string `json:"market"`
	Stream     string `json:"stream,omitempty"`
}

// toldFinal is the data of an event of finality.
type toldFinal struct {
	part
	Height int64 `json:"height,omitempty"`
	All    bool  `json:"all,omitempty"` // the chain cannot be reorganised
}

func finalUpTo(p part, height int64) toldFinal {
	if height == math.MaxInt64 {
		return toldFinal{part: p, All: true}
	}
	return toldFinal{part: p, Height: height}
}

func (t toldFinal) height() int64 {
	if t.All {
		return math.MaxInt64
	}
	return t.Height
}

// tellFinal tells what has become final. It holds for the documents as they were when it was
// read: a reader that is behind may have some that were taken back since. So it is told only
// once the reader has all changes of before.
func (s *stream) tellFinal(ctx context.Context, c persistence.Change) error {
	f := &s.final
	idle := c.Collection == ""
	if len(f.due) > 0 && (idle || s.Data.Reached(c.Position, f.of)) {
		due := f.due
		f.due = nil
		for _, d := range due {
			if err := s.send("final", "", d); err != nil {
				return err
			}
			f.told[d.part] = d.height()
		}
	}
	if len(f.due) > 0 || time.Since(f.read) < s.FinalEvery {
		return nil
	}
	due, of, err := s.readFinal(ctx)
	if err != nil {
		return ctx.Err() // it is read again later
	}
	f.due, f.of, f.read = due, of, time.Now()
	return nil
}

// readFinal returns what has become final, and the position of a reader that may be told so.
func (s *stream) readFinal(ctx context.Context) (due []toldFinal, of string, err error) {
	if s.final.told == nil {
		s.final.told = map[part]int64{}
	}
	for _, collection := range s.ask.collections {
		if !finality.Of(collection) {
			continue
		}
		horizon, err := finality.Read(ctx, s.Data, collection)
		if err != nil {
			return nil, "", err
		}
		for _, h := range horizon.Heights() {
			p := part{collection, h.Chain, h.Market, h.Stream}
			if before, known := s.final.told[p]; s.ask.Wants(h.Chain, h.Market) && (!known || h.Height > before) {
				due = append(due, finalUpTo(p, h.Height))
			}
		}
	}
	if len(due) > 0 {
		of, err = s.Data.Newest(ctx)
	}
	return due, of, err
}
