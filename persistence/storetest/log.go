package storetest

import (
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// byPosition sorts events.
func byPosition(events []markets.Event) []markets.Event {
	out := slices.Clone(events)
	slices.SortStableFunc(out, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	return out
}

// blocks are three events in each of the blocks 1 to n, one of them appended after
// all others as a retried dead letter is.
func blocks(stream string, n int64) (inOrder, appended []markets.Event) {
	var late []markets.Event
	for seq := int64(1); seq <= n; seq++ {
		e := listed(stream, seq, "0xa")
		block := []markets.Event{e, behind(e, 2, 1, 0), behind(e, 2, 10, 0)}
		inOrder = append(inOrder, block...)
		appended = append(appended, block[0], block[2])
		late = append(late, block[1])
	}
	return inOrder, append(appended, late...)
}

func cancelAll(stream string, seq int64, maker string) markets.Event {
	return markets.Event{
		Kind: markets.OrdersCancelled, Stream: stream, Seq: seq, Position: markets.Position{Height: seq, Log: 9},
		Block: "0xb", Transaction: "0xt", Time: at(seq), Maker: maker, Contract: "0xS",
	}
}

var logTests = []test{
	{"EventsComeBackAsTheyWere", func(s *suite) {
		bare := markets.Event{Kind: markets.Transferred, Stream: "list", Seq: 8, Position: markets.Position{Height: 8}, Token: markets.Token{Collection: "0xC", ID: "1"}}
		for _, e := range []markets.Event{fullEvent(), bare, cancelAll("list", 9, "0xM")} {
			s.within(seaport, func(tx persistence.Tx) error { return tx.Append(activities(seaport, e), nil) })
			s.within(seaport, func(tx persistence.Tx) error {
				byKey, err := tx.Log([]string{e.Key()})
				s.must(err)
				s.same("log", byKey, []markets.Event{e})
				between, err := tx.LogBetween("list", e.Seq-1, e.Seq, markets.Position{}, 10)
				s.must(err)
				s.same("log", between, []markets.Event{e})
				return nil
			})
		}
	}},
	{"LogIsByKeyOfItsMarket", func(s *suite) {
		a1, a2, b := listed("list", 1, "0xa"), listed("buy", 2, "0xa"), listed("list", 3, "0xb")
		c, d := cancelAll("list", 4, "0xM"), cancelAll("list", 5, "0xN")
		s.within(seaport, func(tx persistence.Tx) error { return tx.Append(activities(seaport, a1, a2, b, c, d), nil) })
		s.within(other, func(tx persistence.Tx) error { return tx.Append(activities(other, a1), nil) })
		s.within(seaport, func(tx persistence.Tx) error {
			for _, c := range []struct {
				keys []string
				want []markets.Event
			}{
				{nil, nil},
				{[]string{"0xnone"}, nil},
				{[]string{"0xa"}, []markets.Event{a1, a2}},
				{[]string{"0xb", "0xnone", "0xa"}, []markets.Event{a1, a2, b}},
				{[]string{"maker:0xM"}, []markets.Event{c}},
				{[]string{"maker:0xN", "maker:0xM", "0xb"}, []markets.Event{b, c, d}},
			} {
				found, err := tx.Log(c.keys)
				s.must(err)
				s.same("log", byPosition(found), c.want)
			}
			return nil
		})
	}},
	{"LogBetweenIsInOrderWithinItsBounds", func(s *suite) {
		inOrder, appended := blocks("list", 5)
		elsewhere, _ := blocks("buy", 5)
		s.within(seaport, func(tx persistence.Tx) error {
			return tx.Append(activities(seaport, append(appended, elsewhere...)...), nil)
		})
		s.within(other, func(tx persistence.Tx) error { return tx.Append(activities(other, appended...), nil) })
		for _, c := range []struct {
			after, through int64
			from           markets.Position
			limit          int
			want           []markets.Event
		}{
			{0, 5, markets.Position{}, 100, inOrder},
			{-1, 9, markets.Position{}, 100, inOrder},
			{1, 3, markets.Position{}, 100, inOrder[3:9]},
			{1, 3, markets.Position{}, 4, inOrder[3:7]},
			{1, 3, inOrder[4].Position, 100, inOrder[5:9]},
			{1, 3, inOrder[4].Position, 2, inOrder[5:7]},
			{1, 3, inOrder[8].Position, 100, nil},
			{3, 3, markets.Position{}, 100, nil},
			{5, 9, markets.Position{}, 100, nil},
		} {
			s.within(seaport, func(tx persistence.Tx) error {
				found, err := tx.LogBetween("list", c.after, c.through, c.from, c.limit)
				s.must(err)
				s.same("log", found, c.want)
				return nil
			})
		}
	}},
	{"BulkCancelsOfTheMarket", func(s *suite) {
		bulk := func(market persistence.MarketRef, want bool) {
			s.Helper()
			s.within(market, func(tx persistence.Tx) error {
				got, err := tx.BulkCancels()
				s.must(err)
				if got != want {
					s.Errorf("bulk cancels of %s: %v", market.Market, got)
				}
				return nil
			})
		}
		bulk(seaport, false)
		s.within(seaport, func(tx persistence.Tx) error { return tx.Append(activities(seaport, listed("list", 1, "0xa")), nil) })
		bulk(seaport, false)
		s.within(seaport, func(tx persistence.Tx) error { return tx.Append(activities(seaport, cancelAll("list", 2, "0xM")), nil) })
		bulk(seaport, true)
		bulk(other, false)
		s.within(seaport, func(tx persistence.Tx) error { _, _, err := tx.Truncate("list", 1, 10); return err })
		bulk(seaport, false)
	}},
	{"TruncateTakesTheNewestFirst", func(s *suite) {
		inOrder, appended := blocks("list", 4)
		letters := []markets.DeadLetter{letter(seaport, "list", 2, 5), letter(seaport, "list", 4, 5)} // each behind the first event of its block
		elsewhere, _ := blocks("buy", 4)
		s.within(seaport, func(tx persistence.Tx) error {
			return tx.Append(activities(seaport, append(appended, elsewhere...)...), append(letters, letter(seaport, "buy", 4, 5)))
		})
		s.within(other, func(tx persistence.Tx) error {
			return tx.Append(activities(other, appended...), []markets.DeadLetter{letter(other, "list", 4, 5)})
		})
		for _, c := range []struct {
			after               int64
			limit               int
			activities, letters int // that it removes
			left, leftLetters   int
		}{
			{4, 10, 0, 0, 12, 2},
			{2, 2, 2, 0, 10, 2},
			{2, 1, 0, 1, 10, 1},
			{2, 2, 2, 0, 8, 1},
			{2, 2, 2, 0, 6, 1},
			{2, 2, 0, 0, 6, 1},
			{0, 4, 3, 1, 3, 0},
			{0, 4, 3, 0, 0, 0},
		} {
			s.within(seaport, func(tx persistence.Tx) error {
				activities, letters, err := tx.Truncate("list", c.after, c.limit)
				s.must(err)
				if activities != c.activities || letters != c.letters {
					s.Errorf("above %d, at most %d: removed %d and %d, want %d and %d", c.after, c.limit, activities, letters, c.activities, c.letters)
				}
				left, err := tx.LogBetween("list", 0, 9, markets.Position{}, 100)
				s.must(err)
				s.same("log", append([]markets.Event{}, left...), inOrder[:c.left])
				return nil
			})
			filter, err := documents.ParseFilter(persistence.DeadLetters, `{stream: "list", market: "seaport"}`)
			s.must(err)
			if found := query[markets.DeadLetter](s, persistence.Query{Collection: persistence.DeadLetters, Filter: filter}); len(found) != c.leftLetters {
				s.Errorf("dead letters %v", found)
			}
		}
		if n, m := len(all[any](s, persistence.Activities)), len(all[any](s, persistence.DeadLetters)); n != 24 || m != 2 {
			s.Errorf("%d activities and %d dead letters of other streams are left", n, m)
		}
	}},
	{"NotificationsGoWithTheirActivities", func(s *suite) {
		sold := func(seq int64, order string) markets.Activity {
			e := listed("list", seq, order)
			e.Kind, e.Taker, e.Price = markets.Bought, "0xTaker", "7"
			return markets.Activity{Chain: seaport.Chain, Market: seaport.Market, Event: e}
		}
		var told []markets.Notification
		for _, a := range []markets.Activity{sold(1, "0xa"), sold(2, "0xb"), sold(3, "0xc")} {
			s.within(seaport, func(tx persistence.Tx) error {
				s.must(tx.Append([]markets.Activity{a}, nil))
				return tx.Notify(markets.Notifications(a))
			})
			told = append(told, markets.Notifications(a)...)
		}
		if len(told) != 6 {
			s.Fatalf("%d notifications", len(told))
		}
		s.same("notifications", all[markets.Notification](s, persistence.Notifications), told)
		s.within(seaport, func(tx persistence.Tx) error {
			activities, letters, err := tx.Truncate("list", 1, 1)
			if activities != 1 || letters != 0 {
				s.Errorf("removed %d and %d", activities, letters)
			}
			return err
		})
		s.same("notifications", all[markets.Notification](s, persistence.Notifications), told[:4])
		s.within(other, func(tx persistence.Tx) error { _, _, err := tx.Truncate("list", 0, 9); return err })
		s.same("notifications", all[markets.Notification](s, persistence.Notifications), told[:4])
		s.within(seaport, func(tx persistence.Tx) error { _, _, err := tx.Truncate("list", 0, 9); return err })
		s.same("notifications", append([]markets.Notification{}, all[markets.Notification](s, persistence.Notifications)...), []markets.Notification{})
	}},
	{"TruncatedEventsAreGoneFromTheLog", func(s *suite) {
		s.within(seaport, func(tx persistence.Tx) error {
			s.must(tx.Append(activities(seaport, listed("list", 1, "0xa"), listed("list", 2, "0xa")), nil))
			_, _, err := tx.Truncate("list", 1, 10)
			s.must(err)
			found, err := tx.Log([]string{"0xa"})
			s.must(err)
			s.same("log", found, []markets.Event{listed("list", 1, "0xa")})
			return nil
		})
	}},
	{"LettersAreRemovedByKey", func(s *suite) {
		a, b := letter(seaport, "list", 1, 1), letter(seaport, "list", 1, 2)
		s.within(seaport, func(tx persistence.Tx) error { return tx.Append(nil, []markets.DeadLetter{a, b}) })
		s.same("dead letters", all[markets.DeadLetter](s, persistence.DeadLetters), []markets.DeadLetter{a, b})
		s.within(seaport, func(tx persistence.Tx) error {
			for _, want := range []bool{true, false} {
				got, err := tx.RemoveDeadLetter(a.ID())
				s.must(err)
				if got != want {
					s.Errorf("removed: %v", got)
				}
			}
			return nil
		})
		s.same("dead letters", all[markets.DeadLetter](s, persistence.DeadLetters), []markets.DeadLetter{b})
	}},
}
