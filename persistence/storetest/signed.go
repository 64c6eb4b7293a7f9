package storetest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// signedOrder is a signed order of seaport with a hash.
func signedOrder(hash string) persistence.SignedOrder {
	return persistence.SignedOrder{
		Chain: seaport.Chain, Market: seaport.Market, Contract: "0xS", Hash: hash,
		Parameters: json.RawMessage(`{"offerer":"0xM","salt":"115792089237316195423570985008687907853269984665640564039457584007913129639935"}`), Signature: "0x" + hash,
	}
}

// answering is the event as the answer to a signed order.
func answering(e markets.Event, id string) markets.Event {
	e.Signed = id
	return e
}

// refusal is the event as a refusal of a signed order.
func refusal(e markets.Event, id, reason string) markets.Event {
	return markets.Event{
		Kind: markets.SignedRefused, Stream: e.Stream, Seq: e.Seq, Position: e.Position, Block: e.Block, Transaction: e.Transaction, Time: e.Time,
		Signed: id, Reason: reason,
	}
}

func (s *suite) signedOrders() persistence.SignedOrderStore {
	s.Helper()
	inner := s.store
	for {
		wrapper, ok := inner.(interface{ Unwrap() persistence.Store })
		if !ok {
			break
		}
		inner = wrapper.Unwrap()
	}
	store, ok := inner.(persistence.SignedOrderStore)
	if !ok {
		s.Fatalf("%T keeps no signed orders", s.store)
	}
	return store
}

// insertSigned inserts signed orders and returns how many were added.
func (s *suite) insertSigned(orders ...persistence.SignedOrder) int {
	s.Helper()
	n, err := s.signedOrders().InsertSigned(s.Context(), orders)
	s.must(err)
	return n
}

func (s *suite) pending(market persistence.MarketRef) []persistence.PendingOrder {
	s.Helper()
	found, err := s.signedOrders().PendingSigned(s.Context(), market, 100)
	s.must(err)
	return found
}

func (s *suite) append(events ...markets.Event) {
	s.Helper()
	s.within(seaport, func(tx persistence.Tx) error { return tx.Append(activities(seaport, events...), nil) })
}

func (s *suite) truncate(stream string, after int64, limit int) {
	s.Helper()
	s.within(seaport, func(tx persistence.Tx) error {
		_, _, err := tx.Truncate(stream, after, limit)
		return err
	})
}

// answers are the answers of all signed orders, by their hashes.
func (s *suite) answers() map[string]persistence.SignedAnswer {
	s.Helper()
	found := map[string]persistence.SignedAnswer{}
	for _, doc := range all[documents.SignedOrder](s, persistence.SignedOrders) {
		found[doc.Hash] = doc.SignedAnswer
	}
	return found
}

// idOf is the key of the pending signed order with a hash.
func (s *suite) idOf(hash string) string {
	s.Helper()
	return signedOrder(hash).ContentID()
}

var signedTests = []test{
	{"PendingOnesAreOfTheirMarket", func(s *suite) {
		elsewhere := signedOrder("0xe")
		elsewhere.Market = other.Market
		if n := s.insertSigned(signedOrder("0xa"), elsewhere, signedOrder("0xb"), signedOrder("0xc")); n != 4 {
			s.Fatalf("%d inserted", n)
		}
		found := s.pending(seaport)
		var ids []string
		for _, p := range found {
			ids = append(ids, p.ID)
		}
		s.same("pending", sorted(ids), sorted([]string{s.idOf("0xa"), s.idOf("0xb"), s.idOf("0xc")}))
		s.same("again", s.pending(seaport), found)
		first, err := s.signedOrders().PendingSigned(s.Context(), seaport, 2)
		s.must(err)
		s.same("the first two", first, found[:2])
		i := slices.IndexFunc(found, func(p persistence.PendingOrder) bool { return p.ID == s.idOf("0xa") })
		o := signedOrder("0xa")
		s.same("text", found[i].Text, json.RawMessage(fmt.Sprintf(`{"chain":"ethereum","market":"seaport","contract":"0xS","parameters":%s,"signature":"0x0xa"}`, o.Parameters)))
		s.same("another market's", len(s.pending(other)), 1)
		s.same("no market's", len(s.pending(persistence.MarketRef{Chain: "bsc", Market: "seaport"})), 0)
	}},
	{"TwiceHandedInIsOnceTaken", func(s *suite) {
		a := signedOrder("0xa")
		compact, elsewhere, unnamed, unhashed := a, a, a, a
		compact.Signature, elsewhere.Contract, unnamed.Contract, unhashed.Hash = "0xc0", "0xT", "", ""
		unhashed.Signature = "0xd0"
		for _, c := range []struct {
			orders []persistence.SignedOrder
			want   int
		}{
			{nil, 0},
			{[]persistence.SignedOrder{a, a, compact}, 1},
			{[]persistence.SignedOrder{compact, a}, 0},
			{[]persistence.SignedOrder{elsewhere, unnamed}, 2}, // they may be others
			{[]persistence.SignedOrder{unhashed, unhashed, elsewhere}, 1},
		} {
			if n := s.insertSigned(c.orders...); n != c.want {
				s.Errorf("%v: %d inserted, want %d", c.orders, n, c.want)
			}
		}
		s.append(refusal(listed("list", 1, ""), a.ContentID(), "no"))
		if n := s.insertSigned(a); n != 0 {
			s.Error("the same again, though it was rejected")
		}
		if n := s.insertSigned(compact); n != 1 {
			s.Error("a rejected order with another signature is not taken")
		}
		// An order that a backend inserted is known by its key once it is accepted.
		s.append(answering(listed("list", 2, "0xz@0xS"), unhashed.ContentID()))
		z := signedOrder("0xz")
		if n := s.insertSigned(z); n != 0 {
			s.Error("an accepted order is inserted again")
		}
	}},
	{"HandedInOrdersAreKnown", func(s *suite) {
		a, unnamed, elsewhere, unhashed := signedOrder("0xa"), signedOrder("0xb"), signedOrder("0xc"), signedOrder("")
		unnamed.Contract, elsewhere.Market = "", other.Market
		s.insertSigned(a, unnamed, elsewhere, unhashed)
		known := func() (keys []string) {
			s.Helper()
			s.within(seaport, func(tx persistence.Tx) error {
				found, err := tx.HandedIn([]string{"0xa@0xS", "0xa@0xs", "0xa@0xT", "0xb@0xT", "0xc@0xS", "0xd@0xS", "list-1"})
				keys = nil
				for key, is := range found {
					if is {
						keys = append(keys, key)
					}
				}
				return err
			})
			return sorted(keys)
		}
		s.same("pending", known(), []string{"0xa@0xS", "0xa@0xs", "0xb@0xT"})
		s.append(answering(listed("list", 3, "0xd@0xS"), unhashed.ContentID()), refusal(listed("list", 4, ""), a.ContentID(), "filled"))
		s.same("answered", known(), []string{"0xa@0xS", "0xa@0xs", "0xb@0xT", "0xd@0xS"})
		s.truncate("list", 0, 9)
		s.same("withdrawn", known(), []string{"0xa@0xS", "0xa@0xs", "0xb@0xT"})
		s.within(seaport, func(tx persistence.Tx) error {
			found, err := tx.HandedIn(nil)
			s.same("none", len(found), 0)
			return err
		})
	}},
	{"EventsAnswer", func(s *suite) {
		s.insertSigned(signedOrder("0xa"), signedOrder("0xb"), signedOrder("0xc"))
		taken := answering(listed("list", 3, "0xa@0xS"), s.idOf("0xa"))
		refused := refusal(behind(listed("list", 3, ""), 1, 2, 3), s.idOf("0xb"), "signature: signed by 0xN")
		s.append(taken, refused)
		s.same("answers", s.answers(), map[string]persistence.SignedAnswer{
			"0xa": {State: persistence.SignedAccepted, Order: "0xa@0xS", Position: &taken.Position, CheckedAt: &taken.Time},
			"0xb": {State: persistence.SignedRejected, Reason: "signature: signed by 0xN", Position: &refused.Position, CheckedAt: &refused.Time},
			"0xc": {State: persistence.SignedPending},
		})
		s.same("pending", len(s.pending(seaport)), 1)
		for _, doc := range all[documents.SignedOrder](s, persistence.SignedOrders) { // the rest is as it was
			o := signedOrder(doc.Hash)
			o.SignedAnswer = doc.SignedAnswer
			s.same("document", doc.SignedOrder, o)
		}
		// Another answer replaces the first.
		again := refusal(listed("list", 4, ""), s.idOf("0xa"), "changed")
		s.append(again)
		s.same("answer", s.answers()["0xa"], persistence.SignedAnswer{State: persistence.SignedRejected, Reason: "changed", Position: &again.Position, CheckedAt: &again.Time})
	}},
	{"AnswersAreOfTheirMarket", func(s *suite) {
		s.insertSigned(signedOrder("0xa"))
		e := answering(listed("list", 3, "0xa@0xS"), s.idOf("0xa"))
		s.within(other, func(tx persistence.Tx) error { return tx.Append(activities(other, e), nil) })
		s.same("answer", s.answers()["0xa"], persistence.SignedAnswer{State: persistence.SignedPending})
	}},
	{"AnswersGoWithTheirEvents", func(s *suite) {
		s.insertSigned(signedOrder("0xa"), signedOrder("0xb"), signedOrder("0xc"))
		a, b := answering(listed("list", 3, "0xa@0xS"), s.idOf("0xa")), refusal(listed("list", 4, ""), s.idOf("0xb"), "no")
		c := answering(listed("buy", 5, "0xc@0xS"), s.idOf("0xc"))
		s.append(a, b, c, listed("list", 5, "0xd"))
		pending := persistence.SignedAnswer{State: persistence.SignedPending}
		s.truncate("list", 3, 1) // the newest, which answers none
		s.same("rejected", s.answers()["0xb"].State, persistence.SignedRejected)
		s.truncate("list", 3, 9)
		s.same("withdrawn", s.answers()["0xb"], pending)
		s.same("accepted", s.answers()["0xa"].State, persistence.SignedAccepted)
		s.truncate("list", 0, 9)
		s.same("withdrawn", s.answers()["0xa"], pending)
		s.same("of another stream", s.answers()["0xc"].State, persistence.SignedAccepted)
		s.append(a, b)
		s.same("answered again", []string{s.answers()["0xa"].State, s.answers()["0xb"].State}, []string{persistence.SignedAccepted, persistence.SignedRejected})
		// An answer that a later event has replaced stays.
		later := refusal(listed("buy", 6, ""), s.idOf("0xa"), "later")
		s.append(later)
		s.truncate("list", 0, 9)
		s.same("answer", s.answers()["0xa"].Reason, "later")
	}},
	{"AnswersFailWithTheirCommit", func(s *suite) {
		s.insertSigned(signedOrder("0xa"))
		err := s.store.Commit(s.Context(), seaport, nil, func(tx persistence.Tx) error {
			s.must(tx.Append(activities(seaport, answering(listed("list", 3, "0xa@0xS"), s.idOf("0xa"))), nil))
			return errRefused
		})
		if err == nil {
			s.Fatal("committed")
		}
		s.same("answer", s.answers()["0xa"], persistence.SignedAnswer{State: persistence.SignedPending})
	}},
	{"DeletedDocumentsAreNotMissed", func(s *suite) {
		for _, id := range []string{"gone", "65f0c0ffee65f0c0ffee65f0", "bson:", "bson:zz", "bson:02ff", "{", "\x00"} {
			s.append(answering(listed("list", 3, "0xa@0xS"), id), refusal(listed("list", 4, ""), id, "no"))
			s.truncate("list", 0, 9)
		}
		s.same("documents", len(all[documents.SignedOrder](s, persistence.SignedOrders)), 0)
	}},
}

var errRefused = fmt.Errorf("refused")
