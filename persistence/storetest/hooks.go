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
		name, moves := fmt.Sprint("hook-", runs), 0
		var model persistence.Hook // without its times
		dead := map[string]string{}
		var refs []persistence.HookRef
		// under runs a write under some claim. It is applied to the model if the claim is
		// the last one and the write's own condition holds, and must return ErrFenced
		// otherwise.
		under := func(t *rapid.T, write func(persistence.HookRef) error, condition bool, change func()) {
			if len(refs) == 0 {
				t.Skip()
			}
			ref := rapid.SampledFrom(refs).Draw(t, "claim")
			err := write(ref)
			if ref.Epoch != model.Epoch || !condition {
				if !errors.Is(err, persistence.ErrFenced) {
					t.Fatalf("a write of %+v on %+v: %v", ref, model, err)
				}
				return
			}
			must(t, err)
			change()
		}
		position := func(t *rapid.T) string {
			return rapid.SampledFrom([]string{model.Position, "$elsewhere"}).Draw(t, "position")
		}
		moveTo := func(to string) {
			model.Position, model.Plan, model.Attempts, model.FailingSince = to, nil, 0, nil
		}
		t.Repeat(map[string]func(*rapid.T){
			"claim": func(t *rapid.T) {
				node := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "node")
				hook, claimed, err := hooks.ClaimHook(s.Context(), persistence.HookClaim{Name: name, Node: node, Start: "$start", Lease: time.Hour})
				must(t, err)
				if want := model.Node == "" || model.Node == node; claimed != want {
					t.Fatalf("%s claims %+v: %v", node, model, claimed)
				}
				if !claimed {
					return
				}
				if model.Epoch == 0 {
					model.Name, model.Position = name, "$start"
				}
				model.Node = node
				model.Epoch++
				if hook.Epoch != model.Epoch || hook.Position != model.Position {
					t.Fatalf("claimed %+v, want %+v", hook, model)
				}
				refs = append(refs, hook.Ref())
			},
			"renew": func(t *rapid.T) {
				under(t, func(ref persistence.HookRef) error { return hooks.RenewHook(s.Context(), ref, time.Hour) }, true, func() {})
			},
			"release": func(t *rapid.T) {
				under(t, func(ref persistence.HookRef) error { return hooks.ReleaseHook(s.Context(), ref) }, true, func() { model.Node = "" })
			},
			"plan": func(t *rapid.T) {
				from := position(t)
				plan := persistence.HookPlan{Through: "$through", Choice: "c", Gone: rapid.Bool().Draw(t, "gone")}
				under(t, func(ref persistence.HookRef) error { return hooks.PlanHook(s.Context(), ref, from, plan) }, from == model.Position, func() { model.Plan = &plan })
			},
			"fail": func(t *rapid.T) {
				under(t, func(ref persistence.HookRef) error {
					hook, err := hooks.FailHook(s.Context(), ref, "$why")
					if err == nil && (hook.Attempts != model.Attempts+1 || hook.FailingSince == nil || hook.UpdatedAt.Before(*hook.FailingSince)) {
						t.Fatalf("failed: %+v", hook)
					}
					return err
				}, true, func() {
					model.Attempts++
					model.LastError, model.FailingSince = "$why", new(time.Time)
				})
			},
			"move": func(t *rapid.T) {
				moves++
				from, to, events := position(t), fmt.Sprint("$", moves), rapid.Int64Range(0, 2).Draw(t, "events")
				under(t, func(ref persistence.HookRef) error {
					return hooks.MoveHook(s.Context(), persistence.HookMove{Hook: ref, From: from, To: to, Events: events})
				}, from == model.Position, func() {
					if events > 0 {
						model.Deliveries++
						model.Events += events
						model.DeliveredAt = new(time.Time)
					}
					moveTo(to)
				})
			},
			"bury": func(t *rapid.T) {
				moves++
				from, to, id := position(t), fmt.Sprint("$", moves), fmt.Sprint(name, "/", moves)
				under(t, func(ref persistence.HookRef) error {
					return hooks.MoveHook(s.Context(), persistence.HookMove{Hook: ref, From: from, To: to, Events: 1, Dead: &persistence.DeadHook{
						ID: id, Position: to, Events: 1, Body: `{"$a":1}`, Reason: "$gone",
					}})
				}, from == model.Position, func() {
					dead[id] = fmt.Sprint(name, model.Attempts, "$gone")
					model.Dead++
					moveTo(to)
				})
			},
			"retry": func(t *rapid.T) {
				id := fmt.Sprint(name, "/", rapid.IntRange(0, moves).Draw(t, "id"))
				remove := rapid.Bool().Draw(t, "remove")
				_, known := dead[id]
				var found bool
				var err error
				if remove {
					found, err = hooks.RemoveDeadHook(s.Context(), id)
					delete(dead, id)
				} else {
					found, err = hooks.FailDeadHook(s.Context(), id, "$again")
					if known {
						dead[id] = "$again"
					}
				}
				must(t, err)
				if found != known {
					t.Fatalf("dead hook %s exists: %v", id, found)
				}
			},
			"": func(t *rapid.T) {
				byName := persistence.Filter{Condition: persistence.Equals("_id", name)}
				found := query[persistence.Hook](s, persistence.Query{Collection: persistence.Hooks, Filter: byName})
				if len(found) == 0 && model.Epoch == 0 {
					return
				}
				if len(found) != 1 || hookText(found[0]) != hookText(model) {
					t.Fatalf("found %s, want %s", asJSON(found), asJSON(model))
				}
				byHook := persistence.Filter{Condition: persistence.Equals("hook", name)}
				buried := query[persistence.DeadHook](s, persistence.Query{Collection: persistence.DeadHooks, Filter: byHook})
				for _, d := range buried {
					if want := dead[d.ID]; d.Reason != want && fmt.Sprint(d.Hook, d.Attempts, d.Reason) != want || d.DeadAt.Before(d.FailingSince) {
						t.Fatalf("dead is %+v, want %s", d, want)
					}
				}
				if len(buried) != len(dead) {
					t.Fatalf("dead are %+v, want %+v", buried, dead)
				}
			},
		})
	})
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
