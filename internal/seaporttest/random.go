package seaporttest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// action is something that Random does. Its error matches ErrRefused if it came to nothing.
type action struct {
	weight int
	name   string
	do     func(w *World) (string, error)
}

// undo reverses a transfer or a revocation.
type undo struct {
	name string
	do   func() error
}

// actions are what Random chooses from. For a third of the blocks it chooses several of
// those that can share one.
var (
	shared = []action{
		{28, "create", (*World).createAny},
		{8, "validate", (*World).validateAny},
		{24, "fulfill", (*World).fulfillAny},
		{3, "fulfill available", (*World).fulfillSome},
		{4, "cancel", (*World).cancelAny},
		{2, "cancel elsewhere", (*World).cancelElsewhere},
		{1, "bulk cancel", (*World).bulkCancelAny},
		{9, "move away", (*World).moveAway},
		{9, "revoke", (*World).revoke},
		{13, "restore", (*World).restore},
	}
	alone = []action{
		{4, "mine", (*World).mineSome},
		{2, "advance", (*World).advanceSome},
		{12, "reorganise", (*World).reorganiseAny},
	}
)

// Random performs n random actions: orders of all kinds are signed, validated, filled in
// part and in whole, and cancelled; tokens, money and approvals go and come back; blocks are
// reorganised, with and without their transactions. Each is a line of History. The same
// numbers lead to the same actions.
func (w *World) Random(rng *rand.Rand, n int) {
	w.t.Helper()
	w.rng = rng
	for done := 0; done < n; {
		if rng.IntN(3) > 0 {
			w.perform(pick(rng, append(shared[:len(shared):len(shared)], alone...)))
			done++
			continue
		}
		together := min(2+rng.IntN(3), n-done)
		err := w.Block(func() {
			for range together {
				w.perform(pick(rng, shared))
			}
		})
		w.History = append(w.History, fmt.Sprintf("block %d: mined, errors: %v", w.Head().Number, err))
		done += together
	}
}

func pick(rng *rand.Rand, actions []action) action {
	sum := 0
	for _, a := range actions {
		sum += a.weight
	}
	n := rng.IntN(sum)
	for _, a := range actions {
		if n -= a.weight; n < 0 {
			return a
		}
	}
	panic("unreachable")
}

func (w *World) perform(a action) {
	w.t.Helper()
	detail, err := a.do(w)
	line := fmt.Sprintf("block %d: %s %s", w.Head().Number, a.name, detail)
	if err != nil {
		line += ": " + err.Error()
	}
	w.History = append(w.History, line)
}

func oneOf[T any](w *World, all []T) T { return all[w.rng.IntN(len(all))] }

func (w *World) chance(percent int) bool { return w.rng.IntN(100) < percent }

// name returns what History calls an order.
func (o *Order) name() string { return fmt.Sprintf("%s %s…", o.Kind, o.Hash.Hex()[:10]) }

func (w *World) mineSome() (string, error) {
	w.t.Helper()
	n := 1 + w.rng.IntN(5)
	w.Mine(n)
	return fmt.Sprint(n), nil
}

func (w *World) advanceSome() (string, error) {
	w.t.Helper()
	d := time.Duration(1+w.rng.IntN(20)) * time.Minute
	w.Advance(d)
	return d.String(), nil
}

// reorganiseAny replaces some of the blocks that Random has made. Half of the time some of their
// transactions come again.
func (w *World) reorganiseAny() (string, error) {
	w.t.Helper()
	depth := min(1+w.rng.IntN(8), int(w.Head().Number)-w.first)
	if depth < 1 {
		return "nothing", nil
	}
	var keep func(int) bool
	if w.chance(50) {
		keep = func(int) bool { return w.chance(60) }
	}
	w.Reorganise(depth, keep)
	return fmt.Sprint(depth), nil
}
