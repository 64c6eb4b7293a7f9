package storetest

import (
	"errors"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

var actorTests = []test{
	{"TakeOverRaisesTheChainsEpoch", func(s *suite) {
		first, second := s.takeOver(chain), s.takeOver(chain)
		if first < 1 || second <= first {
			s.Fatalf("epochs %d, %d", first, second)
		}
		if epoch := s.takeOver("bsc"); epoch != first {
			s.Fatalf("the first epoch of another chain is %d", epoch)
		}
	}},
	{"TakeOverSaysWhoTheOwnerIs", func(s *suite) {
		s.takeOver(chain)
		epoch, err := s.store.TakeOver(s.Context(), chain, "node-2")
		s.must(err)
		leases := all[persistence.Lease](s, persistence.Leases)
		if len(leases) != 1 || leases[0].Chain != chain || leases[0].Node != "node-2" || leases[0].Epoch != epoch || leases[0].TakenAt.IsZero() {
			s.Fatalf("leases %+v", leases)
		}
	}},
	{"TakeOverStampsAllOfTheChainsActors", func(s *suite) {
		epoch := s.takeOver(chain)
		list, buy := s.claim(claimOf(seaport, "list", epoch)), s.claim(claimOf(other, "buy", epoch))
		foreign := s.claim(claimOf(persistence.MarketRef{Chain: "bsc", Market: "seaport"}, "list", s.takeOver("bsc")))
		next := s.takeOver(chain)
		for id, want := range map[string]int64{list.ID: next, buy.ID: next, foreign.ID: foreign.Epoch} {
			if got := s.actor(id); got.Epoch != want || got.Incarnation != 1 {
				s.Errorf("%s has epoch %d and incarnation %d, want %d and 1", id, got.Epoch, got.Incarnation, want)
			}
		}
	}},
	{"TakeOverFencesTheEarlierOwner", func(s *suite) {
		old := s.observer()
		s.takeOver(chain)
		before := s.actor(old.ID)
		if err := s.store.Commit(s.Context(), seaport, []persistence.Move{move(old, place(1))}, nil); !errors.Is(err, persistence.ErrFenced) {
			s.Errorf("commit: %v", err)
		}
		if err := s.store.Report(s.Context(), old.Ref(), persistence.Report{Head: 9}); !errors.Is(err, persistence.ErrFenced) {
			s.Errorf("report: %v", err)
		}
		for _, stream := range []string{"list", "new"} {
			if _, err := s.store.Claim(s.Context(), claimOf(seaport, stream, old.Epoch)); !errors.Is(err, persistence.ErrFenced) {
				s.Errorf("claim of %s: %v", stream, err)
			}
		}
		s.same("actors", all[persistence.Actor](s, persistence.Actors), []persistence.Actor{before})
	}},
	{"ClaimMakesADocument", func(s *suite) {
		claim := claimOf(seaport, "list", s.takeOver(chain))
		claim.Start = markets.Place{Seq: 17, Through: 5}
		actor := s.claim(claim)
		s.same("actor", actor, s.actor(claim.ID))
		if actor.UpdatedAt.IsZero() {
			s.Error("no time")
		}
		actor.UpdatedAt = actor.UpdatedAt.Add(-actor.UpdatedAt.Sub(at(0)))
		s.same("actor", actor, persistence.Actor{
			ID: "ethereum/seaport/list/order-list", Kind: "observer", Chain: chain, Market: "seaport", Stream: "list",
			Node: node, Documents: true, Epoch: claim.Epoch, Incarnation: 1, Place: claim.Start, UpdatedAt: at(0),
		})
	}},
	{"ClaimBeginsAnIncarnation", func(s *suite) {
		first := s.observer()
		pending := place(7)
		m := move(first, place(3))
		m.Trail, m.Pending, m.Events = markets.Trail{start, place(3)}, &pending, 4
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{m}, nil))

		claim := claimOf(seaport, "list", s.takeOver(chain))
		claim.Node, claim.Start = "node-2", place(1)
		second := s.claim(claim)
		want := first
		want.Node, want.Epoch, want.Incarnation = "node-2", claim.Epoch, 2
		want.Place, want.Pending, want.Trail, want.Events = place(3), &pending, m.Trail, 4
		want.UpdatedAt = second.UpdatedAt
		s.same("actor", second, want)
		s.same("document", s.actor(claim.ID), want)
	}},
	{"ClaimKeepsTheMeaningOfTheLog", func(s *suite) {
		claim := claimOf(seaport, "list", s.takeOver(chain))
		under := func(m markets.Meaning) persistence.Actor {
			claim.Meaning = m
			return s.claim(claim)
		}
		a, b := markets.Meaning{Source: "s", Decoding: "a", Total: true}, markets.Meaning{Source: "s", Decoding: "b"}
		c := markets.Meaning{Source: "t", Decoding: "b", Total: true}
		under(a)
		actor := under(b) // nothing is read yet
		s.same("at the start", actor.Meaning, &persistence.Meaning{Meaning: b})
		actor = under(a)
		m := move(actor, place(3))
		m.Trail = markets.Trail{start, place(3)}
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{m}, nil))
		s.same("the same", under(a).Meaning, &persistence.Meaning{Meaning: a})
		a.Total = false // b was in force
		s.same("another", under(b).Meaning, &persistence.Meaning{Meaning: a, Changed: []string{"decoding"}})
		s.same("a third", under(c).Meaning, &persistence.Meaning{Meaning: a, Changed: []string{"source", "decoding"}})
		s.same("no meaning", under(markets.Meaning{}).Meaning, &persistence.Meaning{Meaning: a, Changed: []string{"source", "decoding"}})
		actor = under(a)
		s.same("the first again", actor.Meaning, &persistence.Meaning{Meaning: a, Changed: []string{"source", "decoding"}})
		s.same("the document", s.actor(claim.ID).Meaning, actor.Meaning)
		m = persistence.Move{Actor: actor.Ref(), From: place(3), To: start, Trail: markets.Trail{start}}
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{m}, nil))
		s.same("back at the start", under(c).Meaning, &persistence.Meaning{Meaning: c})
	}},
	{"ClaimTakesALogWithoutMeaningAsItIs", func(s *suite) {
		actor := s.observer()
		m := move(actor, place(3))
		m.Trail = markets.Trail{start, place(3)}
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{m}, nil))
		claim := claimOf(seaport, "list", actor.Epoch)
		claim.Meaning = markets.Meaning{Source: "s", Decoding: "a"}
		s.same("meaning", s.claim(claim).Meaning, &persistence.Meaning{Meaning: claim.Meaning})
	}},
	{"ClaimFencesTheEarlierIncarnation", func(s *suite) {
		first := s.observer()
		second := s.claim(claimOf(seaport, "list", first.Epoch))
		if err := s.store.Commit(s.Context(), seaport, []persistence.Move{move(first, place(1))}, nil); !errors.Is(err, persistence.ErrFenced) {
			s.Errorf("commit: %v", err)
		}
		if err := s.store.Report(s.Context(), first.Ref(), persistence.Report{}); !errors.Is(err, persistence.ErrFenced) {
			s.Errorf("report: %v", err)
		}
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{move(second, place(1))}, nil))
	}},
	{"ClaimNeverLowersTheEpoch", func(s *suite) {
		s.claim(claimOf(seaport, "list", s.takeOver(chain)+2)) // more than the lease has
		before := s.claim(claimOf(seaport, "list", 3))
		if _, err := s.store.Claim(s.Context(), claimOf(seaport, "list", 2)); !errors.Is(err, persistence.ErrFenced) {
			s.Errorf("claim: %v", err)
		}
		s.same("actor", s.actor(before.ID), before)
		if epoch := s.takeOver(chain); epoch <= 3 || s.actor(before.ID).Epoch != epoch {
			s.Errorf("taken over at epoch %d", epoch)
		}
	}},
	{"ClaimCountsRestarts", func(s *suite) {
		claim := claimOf(seaport, "list", s.takeOver(chain))
		s.claim(claim)
		for _, step := range []struct {
			restarts  int64
			lastError string
			total     int64
			kept      string
		}{{2, "timeout", 2, "timeout"}, {0, "", 2, "timeout"}, {1, "gap", 3, "gap"}} {
			claim.Restarts, claim.LastError = step.restarts, step.lastError
			actor := s.claim(claim)
			if actor.Restarts != step.total || actor.LastError != step.kept {
				s.Fatalf("after %+v: %d restarts, last error %q", step, actor.Restarts, actor.LastError)
			}
		}
	}},
	{"ReportIsForPeopleOnly", func(s *suite) {
		actor := s.observer()
		report := persistence.Report{Status: persistence.Following, Head: 30, Finalized: 20, Lag: 10, LastError: "timeout"}
		s.must(s.store.Report(s.Context(), actor.Ref(), report))
		want := actor
		want.Report = report
		want.UpdatedAt = s.actor(actor.ID).UpdatedAt
		s.same("actor", s.actor(actor.ID), want)

		s.must(s.store.Report(s.Context(), actor.Ref(), persistence.Report{Status: persistence.Retrying}))
		if got := s.actor(actor.ID); got.Status != persistence.Retrying || got.Head != 0 || got.LastError != "timeout" {
			s.Errorf("report %+v; the last error is kept", got.Report)
		}
		for _, state := range []string{persistence.Backfilling, persistence.Running, persistence.FinalityBroken, persistence.Stopped} {
			s.must(s.store.Report(s.Context(), actor.Ref(), persistence.Report{Status: state}))
			if got := s.actor(actor.ID); got.Status != state {
				s.Errorf("%s: report %+v", state, got.Report)
			}
		}
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{move(actor, place(1))}, nil))
	}},
	{"ReportTellsOfEndpoints", func(s *suite) {
		actor := s.observer()
		endpoints := []persistence.Endpoint{
			{
				Host: "eth.example.com", State: persistence.EndpointUp, Height: 1 << 40, Rate: 12.5, LatencyMS: 0.3, Requests: 1 << 33,
				Errors: map[string]int64{"timeout": 1 << 32, "http_5xx": 2}, LastError: "Ünï \"q\" <b>",
			},
			{Host: "localhost", State: "down"},
		}
		s.must(s.store.Report(s.Context(), actor.Ref(), persistence.Report{Status: persistence.Following, Endpoints: endpoints}))
		s.must(s.store.Report(s.Context(), actor.Ref(), persistence.Report{Status: persistence.FinalityBroken}))
		s.must(s.store.Commit(s.Context(), seaport, []persistence.Move{move(actor, place(1))}, nil))
		s.same("endpoints", s.actor(actor.ID).Endpoints, endpoints) // kept by a report without endpoints
		s.same("down", s.ids(`{"endpoints.state": "down"}`), []string{actor.ID})
		s.same("asked often", s.ids(`{"endpoints.errors.timeout": {$gt: 4294967295}}`), []string{actor.ID})
		s.same("elsewhere", s.ids(`{"endpoints.host": "example.com"}`), []string(nil))
		s.must(s.store.Report(s.Context(), actor.Ref(), persistence.Report{Endpoints: endpoints[:1]}))
		s.same("down", s.ids(`{"endpoints.state": "down"}`), []string(nil))
	}},
	{"ReportShowsAPlace", func(s *suite) {
		claim := claimOf(seaport, "list", s.takeOver(chain))
		claim.ID, claim.Kind, claim.Documents = "ethereum/seaport/list/subject", "subject", false
		actor := s.claim(claim)
		shown := place(5)
		s.must(s.store.Report(s.Context(), actor.Ref(), persistence.Report{Place: &shown}))
		if got := s.actor(claim.ID); got.Place != shown {
			s.Errorf("place %+v", got.Place)
		}
	}},
	{"ReportOnNoDocument", func(s *suite) {
		ref := persistence.ActorRef{ID: "nobody", Epoch: 1, Incarnation: 1}
		if err := s.store.Report(s.Context(), ref, persistence.Report{}); !errors.Is(err, persistence.ErrFenced) {
			s.Errorf("report: %v", err)
		}
		s.same("actors", all[persistence.Actor](s, persistence.Actors), []persistence.Actor(nil))
	}},
	{"EveryoneAnswersNoMoreOnceClosed", func(s *suite) {
		actor := s.observer()
		s.must(s.store.Close())
		_, takeOver := s.store.TakeOver(s.Context(), chain, node)
		_, claim := s.store.Claim(s.Context(), claimOf(seaport, "list", actor.Epoch))
		var query error
		for _, err := range s.store.Query(s.Context(), persistence.Query{Collection: persistence.Actors}) {
			query = err
		}
		for name, err := range map[string]error{
			"TakeOver": takeOver, "Claim": claim, "Query": query,
			"Commit": s.store.Commit(s.Context(), seaport, nil, nil),
			"Report": s.store.Report(s.Context(), actor.Ref(), persistence.Report{}),
		} {
			if err == nil || errors.Is(err, persistence.ErrFenced) {
				s.Errorf("%s: %v", name, err)
			}
		}
	}},
}

// ids are the keys of the actors' documents that match a filter.
func (s *suite) ids(text string) (ids []string) {
	s.Helper()
	filter, err := documents.ParseFilter(persistence.Actors, text)
	s.must(err)
	for _, a := range query[persistence.Actor](s, persistence.Query{Collection: persistence.Actors, Filter: filter}) {
		ids = append(ids, a.ID)
	}
	return ids
}
