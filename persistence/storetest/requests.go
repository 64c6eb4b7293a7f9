package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/persistence"
)

var requestTests = []test{
	{"a request is like that of the model", likeTheModel},
	{"one of several owners starts and ends a request", oneOwnerExecutes},
}

// queueOf is the store's queue of requests.
func (s *suite) queueOf() persistence.RequestQueue {
	queue, ok := s.store.(persistence.RequestQueue)
	if !ok {
		s.Skip("the store has no requests")
	}
	return queue
}

// modelRequest is what is to be true of a request.
type modelRequest struct {
	state  string
	epoch  int64
	starts int64
	note   string // of its answer
	reason string
	never  bool // it is not overdue for long
}

// likeTheModel has random owners at random epochs do random things to a few requests.
func likeTheModel(s *suite) {
	queue, runs := s.queueOf(), 0
	rapid.Check(s.T, func(t *rapid.T) {
		runs++
		chain := fmt.Sprint("chain-", runs)
		model := map[string]*modelRequest{}
		var ids []string
		var started []persistence.Request
		var leases []persistence.Lease
		takeOver := func() {
			node := fmt.Sprint("node-", len(leases))
			epoch, err := s.store.TakeOver(s.Context(), chain, node)
			must(t, err)
			leases = append(leases, persistence.Lease{Chain: chain, Node: node, Epoch: epoch})
		}
		takeOver()
		anyID := func(t *rapid.T) string { return rapid.SampledFrom(ids).Draw(t, "id") }
		current := func(l persistence.Lease) bool { return l.Epoch == leases[len(leases)-1].Epoch }
		t.Repeat(map[string]func(*rapid.T){
			"ask": func(t *rapid.T) {
				id := fmt.Sprint(chain, "/", len(ids))
				overdue := rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "overdue")
				must(t, queue.Ask(s.Context(), []persistence.Request{{ID: id, Chain: chain, Kind: persistence.RetryRequest, AskedBy: "me"}}, overdue))
				ids = append(ids, id)
				model[id] = &modelRequest{state: persistence.RequestPending, never: overdue > 0}
			},
			"take over": func(t *rapid.T) { takeOver() },
			"start": func(t *rapid.T) {
				if len(ids) == 0 {
					t.Skip()
				}
				l, m := rapid.SampledFrom(leases).Draw(t, "lease"), model[anyID(t)]
				id := idOf(model, m)
				r, ok, err := queue.StartRequest(s.Context(), l, id)
				if !current(l) {
					if !errors.Is(err, persistence.ErrLeaseChanged) || ok {
						t.Fatalf("an owner of the past starts a request: %v, %v", ok, err)
					}
					return
				}
				must(t, err)
				if want := m.state == persistence.RequestPending || m.state == persistence.RequestRunning; ok != want {
					t.Fatalf("started: %v, want %v", ok, want)
				}
				if ok {
					m.state, m.epoch, m.starts = persistence.RequestRunning, l.Epoch, m.starts+1
					if r.Node != l.Node || r.StartedAt == nil || r.AskedBy != "me" {
						t.Fatalf("started: %+v", r)
					}
					started = append(started, r)
				}
			},
			"report": func(t *rapid.T) {
				if len(started) == 0 {
					t.Skip()
				}
				r := rapid.SampledFrom(started).Draw(t, "started")
				note := rapid.StringN(1, 5, -1).Draw(t, "note")
				r.Answer, r.Progress = &persistence.Answer{Notes: []string{note}}, &persistence.Progress{Step: "step", Done: 1, Total: 2}
				must(t, queue.ReportRequest(s.Context(), r))
				if m := model[r.ID]; m.runs(r) {
					m.note = note
				}
			},
			"finish": func(t *rapid.T) {
				if len(started) == 0 {
					t.Skip()
				}
				r, l := rapid.SampledFrom(started).Draw(t, "started"), rapid.SampledFrom(leases).Draw(t, "lease")
				r.Answer, r.Reason = &persistence.Answer{Notes: []string{"end"}}, rapid.SampledFrom([]string{"", "$why"}).Draw(t, "reason")
				m := model[r.ID]
				ended, err := queue.FinishRequest(s.Context(), l, r)
				switch {
				case !current(l):
					if !errors.Is(err, persistence.ErrLeaseChanged) || ended {
						t.Fatalf("an owner of the past ends a request: %v, %v", ended, err)
					}
				case err != nil || ended != m.runs(r):
					t.Fatalf("ended: %v, want %v (%v)", ended, m.runs(r), err)
				case ended:
					m.state, m.note, m.reason = persistence.RequestDone, "end", r.Reason
					if r.Reason != "" {
						m.state = persistence.RequestFailed
					}
				}
			},
			"fail or withdraw": func(t *rapid.T) {
				if len(ids) == 0 {
					t.Skip()
				}
				id := anyID(t)
				m, end, may := model[id], queue.Fail, !model[id].never
				if rapid.Bool().Draw(t, "withdraw") {
					end, may = queue.Withdraw, true
				}
				ended, err := end(s.Context(), id, "$gone")
				must(t, err)
				if want := may && m.state == persistence.RequestPending; ended != want {
					t.Fatalf("failed: %v, want %v", ended, want)
				}
				if ended {
					m.state, m.reason = persistence.RequestFailed, "$gone"
				}
			},
			"": func(t *rapid.T) {
				found, err := queue.Requests(s.Context(), nil)
				if must(t, err); len(found) > 0 {
					t.Fatalf("without an ID: %v", found)
				}
				found, err = queue.Requests(s.Context(), append([]string{"none"}, ids...))
				must(t, err)
				if len(found) != len(ids) {
					t.Fatalf("%d requests, want %d", len(found), len(ids))
				}
				var open []string
				for _, r := range found {
					m := model[r.ID]
					got := modelRequest{state: r.State, epoch: r.Epoch, starts: r.Starts, reason: r.Reason, never: m.never}
					if r.Answer != nil {
						got.note = strings.Join(r.Answer.Notes, ",")
					}
					if got != *m || r.Ended() != (r.EndedAt != nil) || r.Ended() != (r.ExpiresAt != nil) {
						t.Fatalf("%s is %+v, want %+v: %+v", r.ID, got, *m, r)
					}
					if !r.Ended() {
						open = append(open, r.ID)
					}
				}
				pending, err := queue.Pending(s.Context())
				must(t, err)
				var got []string
				for _, r := range pending {
					if r.Chain == chain {
						got = append(got, r.ID)
					}
				}
				if slices.Sort(open); !slices.Equal(got, open) {
					t.Fatalf("pending are %v, want %v", got, open)
				}
			},
		})
	})
}

func (m *modelRequest) runs(started persistence.Request) bool {
	return m.state == persistence.RequestRunning && m.epoch == started.Epoch && m.starts == started.Starts
}

func idOf(model map[string]*modelRequest, of *modelRequest) string {
	for id, m := range model {
		if m == of {
			return id
		}
	}
	return ""
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// oneOwnerExecutes lets two owners compete, of whom the second has taken the chain over.
func oneOwnerExecutes(s *suite) {
	queue := s.queueOf()
	const requests = 20
	var ids []string
	for i := range requests {
		ids = append(ids, fmt.Sprint("request-", i))
		if err := queue.Ask(s.Context(), []persistence.Request{{ID: ids[i], Chain: chain, Kind: persistence.PauseRequest, AskedBy: "me"}}, time.Hour); err != nil {
			s.Fatal(err)
		}
	}
	first := persistence.Lease{Chain: chain, Node: "first", Epoch: s.takeOverBy("first")}
	var mu sync.Mutex
	ends := map[string]int{}
	execute := func(owned persistence.Lease) {
		for _, id := range ids {
			r, ok, err := queue.StartRequest(s.Context(), owned, id)
			if err == nil && ok {
				if ok, err = queue.FinishRequest(s.Context(), owned, r); err == nil && ok {
					mu.Lock()
					ends[id]++
					mu.Unlock()
				}
			}
			if err != nil && !errors.Is(err, persistence.ErrLeaseChanged) {
				s.Error(err)
			}
		}
	}
	var owners sync.WaitGroup
	owners.Go(func() { execute(first) })
	owners.Go(func() { execute(persistence.Lease{Chain: chain, Node: "second", Epoch: s.takeOverBy("second")}) })
	owners.Wait()
	for _, id := range ids {
		if ends[id] != 1 {
			s.Errorf("%s has ended %d times", id, ends[id])
		}
	}
}

func (s *suite) takeOverBy(node string) int64 {
	epoch, err := s.store.TakeOver(s.Context(), chain, node)
	if err != nil {
		s.Error(err)
	}
	return epoch
}
