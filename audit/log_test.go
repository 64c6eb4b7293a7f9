package audit

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// script is a store that returns the next of some observers to each query, and then the
// last one.
type script struct {
	observers []persistence.Actor
	asked     int
}

func (s *script) Query(_ context.Context, q persistence.Query) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		if q.Collection != persistence.Actors {
			return
		}
		doc, err := json.Marshal(s.observers[min(s.asked, len(s.observers)-1)])
		s.asked++
		yield(doc, err)
	}
}

func observerAt(incarnation int64, places ...markets.Place) persistence.Actor {
	return persistence.Actor{Incarnation: incarnation, Place: places[len(places)-1], Trail: places}
}

// Entries are used only if the log has only advanced while they were read.
func TestSettled(t *testing.T) {
	var (
		at10, at12, other12 = markets.Place{Seq: 10, Hash: "a"}, markets.Place{Seq: 12, Hash: "c"}, markets.Place{Seq: 12, Hash: "c'"}
		resting             = observerAt(1, at10)
		further             = observerAt(1, at10, at12)
		back                = observerAt(1, markets.Place{Seq: 5, Hash: "x"})
		elsewhere           = observerAt(1, markets.Place{Seq: 9, Hash: "y"}, other12)
		restarted           = observerAt(2, at10)
		rollingBack         = observerAt(1, at10)
	)
	rollingBack.Pending = &markets.Place{Seq: 3, Hash: "z"}
	for name, test := range map[string]struct {
		observers []persistence.Actor
		asked     int // number of queries for the observer; 0 if settled fails
		want      error
	}{
		"at rest":               {[]persistence.Actor{resting}, 2, nil},
		"moves on":              {[]persistence.Actor{resting, further}, 2, nil},
		"another branch":        {[]persistence.Actor{resting, elsewhere, elsewhere, elsewhere}, 4, nil},
		"restarted":             {[]persistence.Actor{resting, restarted, restarted, restarted}, 4, nil},
		"rolled back at first":  {[]persistence.Actor{rollingBack, back, resting}, 4, nil},
		"rolled back meanwhile": {[]persistence.Actor{resting, rollingBack, resting}, 4, nil},
		"stays behind":          {[]persistence.Actor{resting, back}, 0, errBehind},
		"is always rolled back": {[]persistence.Actor{rollingBack}, 0, errChanged},
	} {
		t.Run(name, func(t *testing.T) {
			docs := &script{observers: test.observers}
			_, err := log{docs, persistence.MarketRef{Chain: "c", Market: "m"}, "s"}.settled(t.Context(), 0, 10, time.Microsecond)
			if !errors.Is(err, test.want) || test.asked > 0 && docs.asked != test.asked {
				t.Errorf("%v after %d queries, want %v after %d", err, docs.asked, test.want, test.asked)
			}
		})
	}
}

func TestDiffering(t *testing.T) {
	for name, test := range map[string]struct {
		log, chain string
		want       []string
	}{
		"equal":            {`{"a":{"b":1}}`, `{"a":{"b":1}}`, nil},
		"order of names":   {`{"a":1,"b":2}`, `{"b":2,"a":1}`, nil},
		"a field":          {`{"a":{"b":1,"c":2}}`, `{"a":{"b":1,"c":3}}`, []string{"a.c: 2 3"}},
		"left out":         {`{"a":1}`, `{}`, []string{"a: 1 "}},
		"added":            {`{}`, `{"a":{"b":1}}`, []string{`a:  {"b":1}`}},
		"of another type":  {`{"a":"1"}`, `{"a":1}`, []string{`a: "1" 1`}},
		"null and nothing": {`{"a":null}`, `{}`, []string{"a: null "}},
		"form of a number": {`{"a":1.0}`, `{"a":1}`, nil},
		"large numbers":    {`{"a":9007199254740993}`, `{"a":9007199254740992}`, []string{"a: 9007199254740993 9007199254740992"}},
		"form of a time":   {`{"t":"2020-01-01T00:00:00Z"}`, `{"t":"2020-01-01T01:00:00+01:00"}`, nil},
		"a time":           {`{"t":"2020-01-01T00:00:00Z"}`, `{"t":"2020-01-01T00:00:01Z"}`, []string{`t: "2020-01-01T00:00:00Z" "2020-01-01T00:00:01Z"`}},
		"within a list":    {`{"l":[{"a":1}]}`, `{"l":[{"a":2}]}`, []string{`l: [{"a":1}] [{"a":2}]`}},
		"list and object":  {`{"l":[]}`, `{"l":{}}`, []string{`l: [] {}`}},
	} {
		t.Run(name, func(t *testing.T) {
			fields, err := differing([]byte(test.log), []byte(test.chain))
			var got []string
			for _, f := range fields {
				got = append(got, f.Path+": "+string(f.Log)+" "+string(f.Chain))
			}
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%q (%v), want %q", got, err, test.want)
			}
		})
	}
}
