package storetest

import (
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/persistence"
)

var hookTests = []test{
	{"FollowsTheModel", hookLikeTheModel},
	{"LeaseExpires", leaseExpires},
}

// hooksOf returns the store's hooks.
func (s *suite) hooksOf() persistence.HookStore {
	hooks, ok := s.store.(persistence.HookStore)
	if !ok {
		s.Skip("the store has no hooks")
	}
	return hooks
}

// hookLikeTheModel lets two processes claim a hook and write to it under current and
// earlier claims.
func hookLikeTheModel(s *suite) {
	hooks, runs := s.hooksOf(), 0
	rapid.Check(s.T, func(t *rapid.T) {
		runs++
		m := &hookModel{suite: s, hooks: hooks, name: fmt.Sprint("hook-", runs), dead: map[string]string{}}
		t.Repeat(map[string]func(*rapid.T){
			"claim": m.claim, "renew": m.renew, "release": m.release, "plan": m.plan, "fail": m.fail,
			"move": m.move, "bury": m.bury, "retry": m.retry, "": m.check,
		})
	})
}

// hookModel is the expected state of a hook.
type hookModel struct {
	*suite
	hooks  persistence.HookStore
	name   string
	hook   persistence.Hook      // of its times only whether they are set
	claims []persistence.HookRef // all so far
	dead   map[string]string     // what check expects of dead hooks, by _id
	moves  int
}

// under runs a write under some claim. If the claim is the last one and the write's own
// condition holds, change is applied to the model; otherwise the write must return
// ErrFenced.
func (m *hookModel) under(t *rapid.T, write func(persistence.HookRef) error, condition bool, change func()) {
	if len(m.claims) == 0 {
		t.Skip()
	}
	ref := rapid.SampledFrom(m.claims).Draw(t, "claim")
	err := write(ref)
	if ref.Epoch != m.hook.Epoch || !condition {
		if !errors.Is(err, persistence.ErrFenced) {
			t.Fatalf("a write of %+v on %+v: %v", ref, m.hook, err)
		}
		return
	}
	must(t, err)
	change()
}

// position draws the hook's position or another one.
func (m *hookModel) position(t *rapid.T) string {
	return rapid.SampledFrom([]string{m.hook.Position, "$elsewhere"}).Draw(t, "position")
}

func (m *hookModel) moveTo(to string) {
	m.hook.Position, m.hook.Plan, m.hook.Attempts, m.hook.FailingSince = to, nil, 0, nil
}

func (m *hookModel) claim(t *rapid.T) {
	node := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "node")
	hook, claimed, err := m.hooks.ClaimHook(m.Context(), persistence.HookClaim{Name: m.name, Node: node, Start: "$start", Lease: time.Hour})
	must(t, err)
	if want := m.hook.Node == "" || m.hook.Node == node; claimed != want {
		t.Fatalf("%s claims %+v: %v", node, m.hook, claimed)
	}
	if !claimed {
		return
	}
	if m.hook.Epoch == 0 {
		m.hook.Name, m.hook.Position = m.name, "$start"
	}
	m.hook.Node = node
	m.hook.Epoch++
	if hook.Epoch != m.hook.Epoch || hook.Position != m.hook.Position {
		t.Fatalf("claimed %+v, want %+v", hook, m.hook)
	}
	m.claims = append(m.claims, hook.Ref())
}

func (m *hookModel) renew(t *rapid.T) {
	m.under(t, func(ref persistence.HookRef) error { return m.hooks.RenewHook(m.Context(), ref, time.Hour) }, true, func() {})
}

func (m *hookModel) release(t *rapid.T) {
	m.under(t, func(ref persistence.HookRef) error { return m.hooks.ReleaseHook(m.Context(), ref) }, true, func() { m.hook.Node = "" })
}

func (m *hookModel) plan(t *rapid.T) {
	from := m.position(t)
	plan := persistence.HookPlan{Through: "$through", Choice: "c", Gone: rapid.Bool().Draw(t, "gone")}
	m.under(t, func(ref persistence.HookRef) error { return m.hooks.PlanHook(m.Context(), ref, from, plan) },
		from == m.hook.Position, func() { m.hook.Plan = &plan })
}

func (m *hookModel) fail(t *rapid.T) {
	m.under(t, func(ref persistence.HookRef) error {
		hook, err := m.hooks.FailHook(m.Context(), ref, "$why")
		if err == nil && (hook.Attempts != m.hook.Attempts+1 || hook.FailingSince == nil || hook.UpdatedAt.Before(*hook.FailingSince)) {
			t.Fatalf("failed: %+v", hook)
		}
		return err
	}, true, func() {
		m.hook.Attempts++
		m.hook.LastError, m.hook.FailingSince = "$why", new(time.Time)
	})
}

func (m *hookModel) move(t *rapid.T) {
	m.moves++
	from, to, events := m.position(t), fmt.Sprint("$", m.moves), rapid.Int64Range(0, 2).Draw(t, "events")
	m.under(t, func(ref persistence.HookRef) error {
		return m.hooks.MoveHook(m.Context(), persistence.HookMove{Hook: ref, From: from, To: to, Events: events})
	}, from == m.hook.Position, func() {
		if events > 0 {
			m.hook.Deliveries++
			m.hook.Events += events
			m.hook.DeliveredAt = new(time.Time)
		}
		m.moveTo(to)
	})
}

// bury moves the hook past a delivery that is given up.
func (m *hookModel) bury(t *rapid.T) {
	m.moves++
	from, to, id := m.position(t), fmt.Sprint("$", m.moves), fmt.Sprint(m.name, "/", m.moves)
	m.under(t, func(ref persistence.HookRef) error {
		return m.hooks.MoveHook(m.Context(), persistence.HookMove{Hook: ref, From: from, To: to, Events: 1, Dead: &persistence.DeadHook{
			ID: id, Position: to, Events: 1, Body: `{"$a":1}`, Reason: "$gone",
		}})
	}, from == m.hook.Position, func() {
		m.dead[id] = fmt.Sprint(m.name, m.hook.Attempts, "$gone")
		m.hook.Dead++
		m.moveTo(to)
	})
}

// retry removes a dead hook, or fails to deliver it again.
func (m *hookModel) retry(t *rapid.T) {
	id := fmt.Sprint(m.name, "/", rapid.IntRange(0, m.moves).Draw(t, "id"))
	_, known := m.dead[id]
	var found bool
	var err error
	if rapid.Bool().Draw(t, "remove") {
		found, err = m.hooks.RemoveDeadHook(m.Context(), id)
		delete(m.dead, id)
	} else {
		found, err = m.hooks.FailDeadHook(m.Context(), id, "$again")
		if known {
			m.dead[id] = "$again"
		}
	}
	must(t, err)
	if found != known {
		t.Fatalf("dead hook %s exists: %v", id, found)
	}
}

// check compares the stored documents with the model.
func (m *hookModel) check(t *rapid.T) {
	byName := persistence.Filter{Condition: persistence.Equals("_id", m.name)}
	found := query[persistence.Hook](m.suite, persistence.Query{Collection: persistence.Hooks, Filter: byName})
	if len(found) == 0 && m.hook.Epoch == 0 {
		return
	}
	if len(found) != 1 || hookText(found[0]) != hookText(m.hook) {
		t.Fatalf("found %s, want %s", asJSON(found), asJSON(m.hook))
	}
	byHook := persistence.Filter{Condition: persistence.Equals("hook", m.name)}
	buried := query[persistence.DeadHook](m.suite, persistence.Query{Collection: persistence.DeadHooks, Filter: byHook})
	for _, d := range buried {
		if want := m.dead[d.ID]; d.Reason != want && fmt.Sprint(d.Hook, d.Attempts, d.Reason) != want || d.DeadAt.Before(d.FailingSince) {
			t.Fatalf("dead is %+v, want %s", d, want)
		}
	}
	if len(buried) != len(m.dead) {
		t.Fatalf("dead are %+v, want %+v", buried, m.dead)
	}
}

// hookText formats a hook with the presence of its times instead of their values.
func hookText(h persistence.Hook) string {
	failing, delivered := h.FailingSince != nil, h.DeliveredAt != nil
	h.FailingSince, h.DeliveredAt, h.LeasedUntil, h.UpdatedAt = nil, nil, time.Time{}, time.Time{}
	return fmt.Sprint(asJSON(h), failing, delivered)
}

// leaseExpires lets a second process claim a hook after the first one's lease has expired.
func leaseExpires(s *suite) {
	hooks := s.hooksOf()
	first, claimed, err := hooks.ClaimHook(s.Context(), persistence.HookClaim{Name: "h", Node: "a", Start: "s", Lease: 50 * time.Millisecond})
	if err != nil || !claimed {
		s.Fatal(claimed, err)
	}
	for claimed = false; !claimed; {
		var second persistence.Hook
		second, claimed, err = hooks.ClaimHook(s.Context(), persistence.HookClaim{Name: "h", Node: "b", Start: "other", Lease: time.Hour})
		s.must(err)
		if claimed && (second.Epoch != 2 || second.Position != "s" || second.UpdatedAt.Before(first.LeasedUntil)) {
			s.Errorf("the claim after %+v is %+v", first, second)
		}
	}
	if err := hooks.RenewHook(s.Context(), first.Ref(), time.Hour); !errors.Is(err, persistence.ErrFenced) {
		s.Errorf("the first one renews its lease: %v", err)
	}
}
