package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// writeAll writes a document of every kind.
func writeAll(tx persistence.Tx) error {
	e := listed("list", 1, "0xa")
	return errors.Join(
		tx.Append(activities(seaport, e), []markets.DeadLetter{letter(seaport, "list", 1, 1)}),
		tx.PutOrders([]markets.Order{order(seaport, e)}),
		tx.PutRecords([]markets.Record{record("gallery", "g")}),
	)
}

// untouched fails if anything of writeAll is there.
func (s *suite) untouched() {
	s.Helper()
	for _, collection := range []string{persistence.Orders, persistence.Activities, persistence.Records, persistence.DeadLetters} {
		if docs := all[any](s, collection); len(docs) != 0 {
			s.Errorf("%s: %v", collection, docs)
		}
	}
}

var commitTests = []test{
	{"MovesAndWritesTogether", func(s *suite) {
		actor := s.observer()
		m := move(actor, markets.Place{Seq: 5, Hash: "0x5", Through: 50})
		m.Trail, m.Events, m.DeadLetters = markets.Trail{start, m.To}, 3, 1
		m.Report = persistence.Report{Status: persistence.Backfilling, Head: 30, Finalized: 20, Lag: 25, LastError: "slow"}
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{m}, writeAll))

		got := s.actor(actor.ID)
		if got.UpdatedAt.Before(actor.UpdatedAt) {
			s.Errorf("updated at %v, before %v", got.UpdatedAt, actor.UpdatedAt)
		}
		want := actor
		want.Place, want.Trail, want.Report, want.Events, want.DeadLetters = m.To, m.Trail, m.Report, 3, 1
		want.UpdatedAt = got.UpdatedAt
		s.same("actor", got, want)
		for _, collection := range []string{persistence.Orders, persistence.Activities, persistence.Records, persistence.DeadLetters} {
			if docs := all[any](s, collection); len(docs) != 1 {
				s.Errorf("%s: %v", collection, docs)
			}
		}
	}},
	{"MovesAddCounts", func(s *suite) {
		actor := s.observer()
		for seq, n := range []int64{5, -2} { // a rollback takes them back
			m := move(actor, place(int64(seq)))
			m.Events, m.DeadLetters = n, 2*n
			s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{m}, nil))
			actor.Place = m.To
		}
		if got := s.actor(actor.ID); got.Events != 3 || got.DeadLetters != 6 {
			s.Errorf("%d events, %d dead letters", got.Events, got.DeadLetters)
		}
	}},
	{"MovesKeepTheLastError", func(s *suite) {
		actor := s.observer()
		s.must(s.store.Report(s.Context(), actor.Ref(), persistence.Report{LastError: "timeout"}))
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{move(actor, place(1))}, nil))
		if got := s.actor(actor.ID); got.LastError != "timeout" {
			s.Errorf("last error %q", got.LastError)
		}
	}},
	{"MovesWithoutATrailKeepIt", func(s *suite) {
		actor := s.observer()
		for seq, trail := range []markets.Trail{{start}, nil, {start, place(2)}} {
			m := move(actor, place(int64(seq)))
			m.Trail = trail
			s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{m}, nil))
			if actor.Place = m.To; trail == nil {
				trail = markets.Trail{start}
			}
			s.same("trail", s.actor(actor.ID).Trail, trail)
		}
	}},
	{"PendingIsSetAndCleared", func(s *suite) {
		actor := s.observer()
		end := place(9)
		portion := move(actor, actor.Place)
		portion.Pending = &end
		for range 2 { // portions leave the place as it is
			s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{portion}, nil))
			if got := s.actor(actor.ID); got.Place != actor.Place || got.Pending == nil || *got.Pending != end {
				s.Fatalf("place %+v, pending %+v", got.Place, got.Pending)
			}
		}
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{move(actor, end)}, nil))
		if got := s.actor(actor.ID); got.Place != end || got.Pending != nil {
			s.Errorf("place %+v, pending %+v", got.Place, got.Pending)
		}
	}},
	{"EveryConditionFences", func(s *suite) {
		epoch := s.takeOver(chain)
		list, buy := s.claim(claimOf(seaport, "list", epoch)), s.claim(claimOf(seaport, "buy", epoch))
		here := markets.Place{Seq: 5, Hash: "0x5", Through: 50}
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{move(list, here)}, nil))
		list.Place = here
		before := all[persistence.Actor](s, persistence.Actors)

		for name, change := range map[string]func(*persistence.Move){
			"id":                func(m *persistence.Move) { m.Actor.ID += "x" },
			"lower epoch":       func(m *persistence.Move) { m.Actor.Epoch-- },
			"higher epoch":      func(m *persistence.Move) { m.Actor.Epoch++ },
			"lower incarnation": func(m *persistence.Move) { m.Actor.Incarnation-- },
			"next incarnation":  func(m *persistence.Move) { m.Actor.Incarnation++ },
			"lower seq":         func(m *persistence.Move) { m.From.Seq-- },
			"higher seq":        func(m *persistence.Move) { m.From.Seq++ },
			"hash":              func(m *persistence.Move) { m.From.Hash = "0x5b" },
			"no hash":           func(m *persistence.Move) { m.From.Hash = "" },
			"through":           func(m *persistence.Move) { m.From.Through++ },
		} {
			wrong := move(list, place(6))
			change(&wrong)
			for _, moves := range [][]persistence.Move{{wrong}, {move(buy, place(6)), wrong}, {wrong, move(buy, place(6))}} {
				if err := s.store.Commit(s.Context(), seaport, moves, writeAll); !errors.Is(err, persistence.ErrFenced) {
					s.Errorf("%s of %d moves: %v", name, len(moves), err)
				}
			}
			s.same(name, all[persistence.Actor](s, persistence.Actors), before)
			s.untouched()
		}
	}},
	{"OneActorMovesOnce", func(s *suite) {
		actor := s.observer()
		twice := []persistence.Move{move(actor, place(1)), move(actor, place(2))}
		if err := s.store.Commit(s.Context(), seaport, twice, writeAll); !errors.Is(err, persistence.ErrFenced) {
			s.Errorf("commit: %v", err)
		}
		s.same("actor", s.actor(actor.ID), actor)
		s.untouched()
	}},
	{"AnErrorOfDoUndoesAll", func(s *suite) {
		actor := s.observer()
		mine := errors.New("mine")
		err := s.store.Commit(s.Context(), seaport, []persistence.Move{move(actor, place(1))}, func(tx persistence.Tx) error {
			return errors.Join(mine, writeAll(tx))
		})
		if !errors.Is(err, mine) || errors.Is(err, persistence.ErrFenced) {
			s.Errorf("commit: %v", err)
		}
		s.same("actor", s.actor(actor.ID), actor)
		s.untouched()
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{move(actor, place(1))}, writeAll))
	}},
	{"WhatWasUndoneIsForgotten", func(s *suite) {
		mine := errors.New("mine")
		put := func(key string, err error) {
			got := s.store.Commit(s.Context(), seaport, nil, func(tx persistence.Tx) error {
				return errors.Join(tx.PutOrders([]markets.Order{order(seaport, listed("list", 1, key))}), err)
			})
			if !errors.Is(got, err) {
				s.Fatal(got)
			}
		}
		put("0", mine)
		for i := 9; i >= 0; i-- {
			put(fmt.Sprint(i), nil)
		}
		if keys := s.keys(persistence.Query{Sort: []persistence.SortKey{{Path: "key"}}}); keys != "0123456789" {
			s.Errorf("orders %s", keys)
		}
	}},
	{"APanicOfDoUndoesAll", func(s *suite) {
		actor := s.observer()
		func() {
			defer func() {
				if reason := recover(); reason != "mine" {
					s.Errorf("panicked with %v", reason)
				}
			}()
			_ = s.store.Commit(s.Context(), seaport, []persistence.Move{move(actor, place(1))}, func(tx persistence.Tx) error {
				if err := writeAll(tx); err != nil {
					return err
				}
				panic("mine")
			})
		}()
		s.same("actor", s.actor(actor.ID), actor)
		s.untouched()
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{move(actor, place(1))}, writeAll))
	}},
	{"ACancelledContextUndoesAll", func(s *suite) {
		actor := s.observer()
		ctx, cancel := context.WithCancel(s.Context())
		err := s.store.Commit(ctx, seaport, []persistence.Move{move(actor, place(1))}, func(tx persistence.Tx) error {
			err := writeAll(tx)
			cancel()
			return err
		})
		if !errors.Is(err, context.Canceled) {
			s.Errorf("commit: %v", err)
		}
		if err := s.store.Commit(ctx, seaport, nil, writeAll); !errors.Is(err, context.Canceled) {
			s.Errorf("commit: %v", err)
		}
		s.same("actor", s.actor(actor.ID), actor)
		s.untouched()
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{move(actor, place(1))}, writeAll))
	}},
	{"ReadsSeeTheTransactionsWrites", func(s *suite) {
		s.within(seaport, func(tx persistence.Tx) error {
			s.must(writeAll(tx))
			orders, err := tx.Orders([]string{"0xa"})
			s.must(err)
			of, err := tx.OrdersOf("0xMaker", "", "", 10)
			s.must(err)
			records, err := tx.Records([]string{"gallery:g"})
			s.must(err)
			log, err := tx.Log([]string{"0xa"})
			s.must(err)
			between, err := tx.LogBetween("list", 0, 1, markets.Position{}, 10)
			s.must(err)
			if len(orders) != 1 || len(of) != 1 || len(records) != 1 || len(log) != 1 || len(between) != 1 {
				s.Errorf("orders %v, of their maker %v, records %v, log %v, between %v", orders, of, records, log, between)
			}
			return nil
		})
	}},
}
