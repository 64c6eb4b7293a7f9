package actors

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/audit"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// plot is a log in which faults are planted.
type plot struct {
	w          *world
	activities []markets.Activity
	letters    []markets.DeadLetter
	used       map[string]bool // transactions with a fault
	want       map[string]int  // the number of expected differences, by found
}

func newPlot(w *world) *plot {
	p := &plot{w: w, used: map[string]bool{}, want: map[string]int{}}
	p.activities = slices.SortedFunc(maps.Values(load(w, persistence.Activities, markets.Activity.ID)), func(a, b markets.Activity) int { return strings.Compare(a.ID(), b.ID()) })
	p.letters = slices.SortedFunc(maps.Values(load(w, persistence.DeadLetters, markets.DeadLetter.ID)), func(a, b markets.DeadLetter) int { return strings.Compare(a.ID(), b.ID()) })
	return p
}

// expect adds an expected difference.
func (p *plot) expect(kind audit.Kind, stream string, at markets.Position) {
	p.want[found(kind, stream, at)]++
}

func found(kind audit.Kind, stream string, at markets.Position) string {
	return fmt.Sprintf("%s %s %v", kind, stream, at)
}

// activity returns the index of a random final activity without a fault.
func (p *plot) activity() int {
	for {
		i := p.w.r.IntN(len(p.activities))
		if a := p.activities[i]; a.Position.Height <= p.w.finalHeight() && !p.used[a.Transaction] {
			p.used[a.Transaction] = true
			return i
		}
	}
}

// letter returns the index of a final dead letter without a fault; false if none exists.
func (p *plot) letter() (int, bool) {
	for i, d := range p.letters {
		if d.Position.Height <= p.w.finalHeight() && !p.used[d.Transaction] {
			p.used[d.Transaction] = true
			return i, true
		}
	}
	return 0, false
}

// plant plants a random fault.
func (p *plot) plant() string {
	r := p.w.r
	switch n := r.IntN(10); n {
	case 0:
		i := p.activity()
		a := p.activities[i]
		p.activities = slices.Delete(p.activities, i, i+1)
		p.expect(audit.Missing, a.Stream, a.Position)
		return "deleted"
	case 1:
		a := p.activities[p.activity()]
		a.Position.Log += 1000
		p.activities = append(p.activities, a)
		p.expect(audit.Extra, a.Stream, a.Position)
		return "duplicated"
	case 2:
		a := &p.activities[p.activity()]
		p.expect(audit.Missing, a.Stream, a.Position)
		if a.Block != "" {
			a.Seq = 1 + r.Int64N(p.w.finalHeight())
			a.Position.Height, a.Block = a.Seq, "elsewhere"
		} else {
			a.Seq = r.Int64N(a.Seq + 1)
			a.Position.Height = 1 + r.Int64N(p.w.finalHeight())
		}
		a.Position.Log += 2000 + int32(len(p.used))
		p.expect(audit.Extra, a.Stream, a.Position)
		return "moved"
	case 3:
		i, ok := p.letter()
		if !ok {
			return p.plant()
		}
		d := p.letters[i]
		p.letters = slices.Delete(p.letters, i, i+1)
		p.expect(audit.Missing, d.Stream, d.Position)
		return "dead letter removed"
	case 4:
		i, ok := p.letter()
		if !ok {
			return p.plant()
		}
		p.letters[i].Raw = json.RawMessage(`[]`)
		p.expect(audit.Different, p.letters[i].Stream, p.letters[i].Position)
		return "dead letter changed"
	case 5:
		a := p.activities[p.activity()]
		a.Position.Log += 3000
		p.letters = append(p.letters, markets.DeadLetter{
			Chain: a.Chain, Market: a.Market, Stream: a.Stream, Seq: a.Seq, Position: a.Position, Block: a.Block, Transaction: a.Transaction, Time: a.Time, Raw: json.RawMessage(`[]`),
		})
		p.expect(audit.Extra, a.Stream, a.Position)
		return "dead letter added"
	default:
		a := &p.activities[p.activity()]
		p.expect(audit.Different, a.Stream, a.Position)
		switch n {
		case 6:
			a.Price += "0"
		case 7:
			a.Taker += "'"
		case 8:
			a.Kind = map[bool]markets.Kind{true: markets.Listed, false: markets.Delisted}[a.Kind == markets.Delisted]
		default:
			a.Time = a.Time.Add(time.Hour)
		}
		return "field changed"
	}
}

// write stores the log of the plot in one transaction.
func (p *plot) write() {
	p.w.t.Helper()
	err := p.w.disk.Commit(p.w.t.Context(), refOfWorld, nil, func(tx persistence.Tx) error {
		for _, s := range p.w.streams {
			if _, _, err := tx.Truncate(s, math.MinInt64, math.MaxInt32); err != nil {
				return err
			}
		}
		if err := tx.Append(p.activities, p.letters); err != nil {
			return err
		}
		var told []markets.Notification
		for _, a := range p.activities {
			told = append(told, markets.Notifications(a)...)
		}
		return tx.Notify(told)
	})
	if err != nil {
		p.w.t.Fatal(err)
	}
}

// check compares differences with the expected ones.
func (p *plot) check(differences []audit.Difference) {
	p.w.t.Helper()
	got := map[string]int{}
	for _, d := range differences {
		got[found(d.Kind, d.Stream, d.Position)]++
		if d.Block != "" && d.Before > 0 && d.Before >= min(d.Position.Height, d.Seq) {
			p.w.t.Errorf("a rewind to %d does not undo %+v", d.Before, d)
		}
	}
	if !maps.Equal(got, p.want) {
		for _, d := range differences {
			if key := found(d.Kind, d.Stream, d.Position); got[key] != p.want[key] {
				p.w.t.Errorf("%s: found %d times, planted %d times: %+v", key, got[key], p.want[key], d)
			}
		}
		for key, n := range p.want {
			if got[key] == 0 {
				p.w.t.Errorf("%s: planted %d times, not found", key, n)
			}
		}
	}
}
