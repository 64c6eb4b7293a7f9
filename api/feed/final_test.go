package feed_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/imart/event-worker/api/feed"
	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// observer claims an observer of the stream list of seaport, or the chain's head.
func (s *served) observer(id, kind string, docs bool) persistence.Actor {
	s.t.Helper()
	c := persistence.Claim{ID: "ethereum/" + id, Kind: kind, Chain: seaport.Chain, Documents: docs, Start: markets.Place{Seq: -1}}
	if kind == "observer" {
		c.Market, c.Stream = seaport.Market, "list"
	}
	a, err := s.store.Claim(s.t.Context(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// move moves an observer to a height, and reports the final height of the chain.
func (s *served) move(a *persistence.Actor, height, final int64, do func(tx persistence.Tx) error) {
	s.t.Helper()
	to := markets.Place{Seq: height, Hash: fmt.Sprintf("0x%x", height)}
	m := persistence.Move{Actor: a.Ref(), From: a.Place, To: to, Report: persistence.Report{Finalized: final, Head: height}}
	if err := s.store.Commit(s.t.Context(), seaport, []persistence.Move{m}, do); err != nil {
		s.t.Fatal(err)
	}
	a.Place = to
}

type finalEvent struct {
	Collection, Chain, Market, Stream string
	Height                            int64
}

// On a chain that cannot be reorganised everything is final.
func TestAllIsFinal(t *testing.T) {
	t.Parallel()
	s := serve(t, teststore.Embedded(t), feed.Options{})
	for _, c := range []persistence.Claim{
		{ID: "aptos/head", Kind: "head", Chain: "aptos"},
		{ID: "aptos/m/list/order-list", Kind: "observer", Chain: "aptos", Market: "m", Stream: "list", Documents: true},
	} {
		a, err := s.store.Claim(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.store.Report(t.Context(), a.Ref(), persistence.Report{Head: 7}); err != nil {
			t.Fatal(err)
		}
	}
	if e := s.next(s.open(), "final"); string(e.Data) != `{"collection":"orders","chain":"aptos","market":"m","all":true}` {
		t.Errorf("%s", e.Data)
	}
}

// Finality is sent when it advances, by market and stream, after the changes that it covers.
func TestFinal(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	s := serve(t, teststore.Embedded(t), feed.Options{FinalEvery: time.Millisecond, Heartbeat: time.Millisecond})
	s.observer("head", "head", false)
	log, docs := s.observer("seaport/list/activity", "observer", false), s.observer("seaport/list/order-list", "observer", true)
	s.move(&log, 10, 5, nil)
	s.move(&docs, 10, 6, nil)
	all, orders := s.open(), s.open("collection", "orders", "chain", "ethereum")
	elsewhere := s.open("chain", "aptos", "market", "seaport")
	next := func() (f finalEvent) {
		e := s.next(all, "final")
		if err := json.Unmarshal(e.Data, &f); err != nil || e.ID != "" {
			t.Fatalf("%+v: %v", e, err)
		}
		return f
	}
	first := []finalEvent{next(), next()}
	if want := []finalEvent{{"orders", "ethereum", "seaport", "", 6}, {"activities", "ethereum", "seaport", "list", 5}}; !reflect.DeepEqual(first, want) {
		t.Errorf("%v, want %v", first, want)
	}
	s.move(&log, 20, 10, func(tx persistence.Tx) error { return tx.Append([]markets.Activity{activity(8, "a")}, nil) })
	if got := s.changes(all, 1); got[0] != "put activities "+activity(8, "a").ID() {
		t.Error(got)
	}
	if f := next(); f != (finalEvent{"activities", "ethereum", "seaport", "list", 10}) {
		t.Errorf("%v", f)
	}
	s.move(&docs, 20, 4, nil) // not sent: finality never goes back
	s.move(&log, 21, 11, nil)
	if f := next(); f != (finalEvent{"activities", "ethereum", "seaport", "list", 11}) {
		t.Errorf("%v", f)
	}
	s.move(&docs, 21, 7, nil)
	if f := next(); f != (finalEvent{"orders", "ethereum", "seaport", "", 7}) {
		t.Errorf("%v", f)
	}
	for _, want := range []string{`{"collection":"orders","chain":"ethereum","market":"seaport","height":6}`, `{"collection":"orders","chain":"ethereum","market":"seaport","height":7}`} {
		if e := s.next(orders, "final"); string(e.Data) != want {
			t.Errorf("%s, want %s", e.Data, want)
		}
	}
	s.put(order("end", "m"))
	for {
		e, err := elsewhere.Next()
		if err != nil || e.Name == "final" {
			t.Fatalf("%+v, %v", e, err)
		}
		if e.ID == s.newest() {
			break
		}
	}
}
