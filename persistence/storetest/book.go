package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// greatest is the greatest amount, 2^256-1.
const greatest markets.Amount = "115792089237316195423570985008687907853269984665640564039457584007913129639935"

// record is a record with fields of every JSON type.
func record(kind, key string) markets.Record {
	return markets.Record{
		Chain: chain, Market: "seaport", Type: kind, Key: key, CreatedAt: at(0), UpdatedAt: at(1), Last: markets.Position{Height: 1},
		Fields: map[string]any{
			"name": "Ünï \"quoted\" <b>", "open": true, "none": nil, "tags": []any{"a", "b"}, "deep": map[string]any{"er": []any{}, "est": map[string]any{"x": "y"}},
			"count": json.Number("9007199254740993"), // beyond a float64
		},
	}
}

// fullOrder has every field set.
func fullOrder() markets.Order {
	when := func(seq int64) *time.Time { t := at(seq).Add(123 * time.Millisecond); return &t }
	token := markets.Token{Collection: "0xC0", ID: string(greatest), Standard: markets.ERC1155, Name: "Ünï \"q\" <b>\n\\"}
	return markets.Order{
		Chain: chain, Market: "seaport", Key: "0xfull", Side: markets.Bid, Status: markets.Partial, Maker: "0xM", Taker: "0xT", Contract: "0xS", Nonce: greatest,
		Token: token, Bundle: []markets.Item{{Token: token, Quantity: "2"}, {Quantity: greatest}},
		Quantity: "10", Filled: "3", Price: greatest, Paid: "0", Currency: markets.Currency{Address: "0xE", Symbol: "WETH", Decimals: 18},
		ListedAt: when(1), SoldAt: when(2), CanceledAt: when(3), ExpiresAt: when(4),
		First: markets.Position{Height: 1, Transaction: 2, Log: 3, Sub: 4}, Last: markets.Position{Height: 1 << 60, Transaction: 1 << 30, Log: 1 << 30, Sub: 1 << 30},
		Anomalies: 5,
	}
}

// fullEvent has every field set.
func fullEvent() markets.Event {
	o := fullOrder()
	return markets.Event{
		Kind: markets.OfferAccepted, Stream: "list", Seq: 7, Position: o.First, Block: "0xb", Transaction: "0xt", Time: *o.ListedAt,
		Order: o.Key, Side: o.Side, Maker: o.Maker, Taker: o.Taker, From: "0xF", To: "0xT", Token: o.Token, Quantity: o.Quantity, Bundle: o.Bundle,
		Partial: true, Signed: "sha256:5", Reason: "a reason", Price: o.Price, Currency: o.Currency, ExpiresAt: o.ExpiresAt, Contract: o.Contract, Nonce: o.Nonce, Below: "7",
		Record: &markets.RecordChange{Type: "gallery", Key: "g", Fields: record("gallery", "g").Fields, Add: map[string]string{"balance": "-5"}},
	}
}

var bookTests = []test{
	{"OrdersComeBackAsTheyWere", func(s *suite) {
		for _, o := range []markets.Order{fullOrder(), {Chain: chain, Market: "seaport", Key: "0xbare", Status: markets.Listing}} {
			s.within(seaport, func(tx persistence.Tx) error { return tx.PutOrders([]markets.Order{o}) })
			s.within(seaport, func(tx persistence.Tx) error {
				found, err := tx.Orders([]string{o.Key})
				s.must(err)
				s.same("order", found, map[string]markets.Order{o.Key: o})
				return nil
			})
		}
	}},
	{"OrdersThatDoNotExistAreMissing", func(s *suite) {
		s.within(seaport, func(tx persistence.Tx) error {
			s.must(tx.PutOrders([]markets.Order{order(seaport, listed("list", 1, "0xa"))}))
			found, err := tx.Orders([]string{"0xb", "0xa", "0xc"})
			s.must(err)
			if len(found) != 1 || found["0xa"].Key != "0xa" {
				s.Errorf("orders %v", found)
			}
			return nil
		})
	}},
	{"PutReplacesOrders", func(s *suite) {
		o := order(seaport, listed("list", 1, "0xa"))
		for _, lookUp := range [][]string{nil, {"0xa"}} { // before it is put
			for _, change := range []func(){func() {}, func() { o.Price += "7" }, func() { o.Maker = "0xThird" }, func() { o.Maker = "0xOther" }} {
				change()
				s.within(seaport, func(tx persistence.Tx) error {
					_, err := tx.Orders(lookUp)
					return errors.Join(err, tx.PutOrders([]markets.Order{o}))
				})
				s.same("orders", all[markets.Order](s, persistence.Orders), []markets.Order{o})
			}
		}
		s.within(seaport, func(tx persistence.Tx) error { // several times in one transaction, looked up or not
			_, err := tx.Orders([]string{"0xa", "0xb"})
			s.must(err)
			for _, key := range []string{"0xa", "0xb", "0xc", "0xa", "0xb", "0xc"} {
				next := o
				next.Key, next.Anomalies = key, next.Anomalies+1
				s.must(tx.PutOrders([]markets.Order{next}))
			}
			return nil
		})
		if docs := all[markets.Order](s, persistence.Orders); len(docs) != 3 {
			s.Errorf("orders %+v", docs)
		}
		s.within(seaport, func(tx persistence.Tx) error {
			old, err := tx.OrdersOf("0xMaker", "", "", 10)
			s.must(err)
			now, err := tx.OrdersOf("0xOther", "", "", 10)
			s.must(err)
			if len(old) != 0 || len(now) != 3 {
				s.Errorf("of the old maker %v, of the new one %v", old, now)
			}
			return nil
		})
	}},
	{"DeleteRemovesOrders", func(s *suite) {
		a, b := order(seaport, listed("list", 1, "0xa")), order(seaport, listed("list", 1, "0xb"))
		s.within(seaport, func(tx persistence.Tx) error { return tx.PutOrders([]markets.Order{a, b}) })
		s.within(seaport, func(tx persistence.Tx) error { return tx.DeleteOrders([]string{"0xa", "0xnone"}) })
		s.same("orders", all[markets.Order](s, persistence.Orders), []markets.Order{b})
		s.within(seaport, func(tx persistence.Tx) error { // and again within one transaction
			s.must(tx.PutOrders([]markets.Order{a}))
			s.must(tx.DeleteOrders([]string{"0xa", "0xb"}))
			s.must(tx.PutOrders([]markets.Order{a}))
			return nil
		})
		s.same("orders", all[markets.Order](s, persistence.Orders), []markets.Order{a})
	}},
	{"MarketsAreApart", func(s *suite) {
		e := listed("list", 1, "0xa")
		r := record("gallery", "g")
		s.within(seaport, func(tx persistence.Tx) error {
			s.must(tx.PutRecords([]markets.Record{r}))
			return tx.PutOrders([]markets.Order{order(seaport, e)})
		})
		s.within(other, func(tx persistence.Tx) error {
			orders, err := tx.Orders([]string{"0xa"})
			s.must(err)
			of, err := tx.OrdersOf("0xMaker", "", "", 10)
			s.must(err)
			records, err := tx.Records([]string{"gallery:g"})
			s.must(err)
			if len(orders)+len(of)+len(records) != 0 {
				s.Errorf("orders %v, %v, records %v of another market", orders, of, records)
			}
			s.must(tx.PutOrders([]markets.Order{order(other, e)}))
			s.must(tx.DeleteOrders([]string{"0xa"}))
			return tx.DeleteRecords([]string{"gallery:g"})
		})
		s.same("orders", all[markets.Order](s, persistence.Orders), []markets.Order{order(seaport, e)})
		s.same("records", all[markets.Record](s, persistence.Records), []markets.Record{r})
	}},
	{"OrdersOfAMakerInPages", func(s *suite) {
		var want []string
		var put []markets.Order
		for i := range 25 {
			e := listed("list", 1, fmt.Sprintf("0x%02x", (i*7)%25))
			put = append(put, order(seaport, e))
			want = append(want, e.Order)
			e.Order, e.Maker = "0xff"+e.Order, "0xOther"
			put = append(put, order(seaport, e))
			for _, e.Nonce = range []markets.Amount{"5", "55"} {
				e.Order = string(e.Nonce) + e.Order
				put = append(put, order(seaport, e))
			}
		}
		s.within(seaport, func(tx persistence.Tx) error { return tx.PutOrders(put) })
		for _, limit := range []int{1, 4, 5, 25, 100} {
			var got []string
			s.within(seaport, func(tx persistence.Tx) error {
				for after := ""; ; after = got[len(got)-1] {
					page, err := tx.OrdersOf("0xMaker", "", after, limit)
					s.must(err)
					if len(page) > limit {
						s.Errorf("%d orders, limit %d", len(page), limit)
					}
					for _, o := range page {
						got = append(got, o.Key)
					}
					if len(page) < limit {
						return nil
					}
				}
			})
			if !slices.Equal(sorted(got), sorted(want)) {
				s.Errorf("in pages of %d: %v, want %v", limit, got, want)
			}
			s.within(seaport, func(tx persistence.Tx) error {
				first, err := tx.OrdersOf("0xOther", "5", "", limit)
				s.must(err)
				rest, err := tx.OrdersOf("0xOther", "5", first[len(first)-1].Key, 100)
				s.must(err)
				if all := append(first, rest...); len(first) != min(limit, 25) || len(all) != 25 || slices.ContainsFunc(all, func(o markets.Order) bool { return o.Nonce != "5" }) {
					s.Errorf("of nonce 5: a page of %d orders, %d more", len(first), len(rest))
				}
				return nil
			})
		}
	}},
	{"OrdersOfAMakerKeepTheirPlaceWhileTheyChange", func(s *suite) {
		var put []markets.Order
		for i := range 10 {
			put = append(put, order(seaport, listed("list", 1, fmt.Sprint(i))))
		}
		s.within(seaport, func(tx persistence.Tx) error { return tx.PutOrders(put) })
		seen, after := map[string]int{}, ""
		for range 5 {
			s.within(seaport, func(tx persistence.Tx) error {
				page, err := tx.OrdersOf("0xMaker", "", after, 2)
				s.must(err)
				for i := range page {
					seen[page[i].Key]++
					after = page[i].Key
					page[i].Status = markets.Canceled
				}
				return tx.PutOrders(page)
			})
		}
		if len(seen) != 10 {
			s.Errorf("seen %v", seen)
		}
	}},
	{"RecordsComeBackAsTheyWere", func(s *suite) {
		r := record("gallery", "g")
		bare := markets.Record{Chain: chain, Market: "seaport", Type: "gallery", Key: "bare", Removed: true}
		s.within(seaport, func(tx persistence.Tx) error { return tx.PutRecords([]markets.Record{r, bare}) })
		s.within(seaport, func(tx persistence.Tx) error {
			found, err := tx.Records([]string{"gallery:bare", "gallery:none", "gallery:g"})
			s.must(err)
			s.same("records", found, map[string]markets.Record{"gallery:g": r, "gallery:bare": bare})
			r.Fields = map[string]any{"name": "new"}
			s.must(tx.PutRecords([]markets.Record{r}))
			return tx.DeleteRecords([]string{"gallery:bare", "gallery:none"})
		})
		s.same("records", all[markets.Record](s, persistence.Records), []markets.Record{r})
	}},
	{"PlacesAreThoseOfDocumentKeepers", func(s *suite) {
		epoch := s.takeOver(chain)
		list := s.claim(claimOf(seaport, "list", epoch))
		s.claim(claimOf(seaport, "buy", epoch))
		s.claim(claimOf(other, "list", epoch))
		s.claim(claimOf(persistence.MarketRef{Chain: "bsc", Market: "seaport"}, "cancel", s.takeOver("bsc")))
		activity := claimOf(seaport, "offer", epoch)
		activity.ID, activity.Documents = "ethereum/seaport/offer/activity", false
		s.claim(activity)
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{move(list, place(8))}, nil))
		s.within(seaport, func(tx persistence.Tx) error {
			places, err := tx.Places()
			s.must(err)
			s.same("places", places, map[string]int64{"list": 8, "buy": -1})
			return nil
		})
	}},
}
