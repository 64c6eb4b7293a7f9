package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// faulty is a faulty store, an actor that moves in it, and how far it came.
type faulty struct {
	*Faulty
	t     *testing.T
	actor persistence.Actor
}

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	f := &faulty{Faulty: NewFaulty(store), t: t}
	f.claim()
	return f
}

// claim is what an actor does after a commit of unknown outcome.
func (f *faulty) claim() {
	f.t.Helper()
	actor, err := f.Claim(f.t.Context(), claimOf(seaport, "list", 1))
	if err != nil {
		f.t.Fatal(err)
	}
	f.actor = actor
}

func (f *faulty) commit(ctx context.Context) error {
	return f.Commit(ctx, seaport, []persistence.Move{move(f.actor, place(f.actor.Seq+1))}, nil)
}

func TestFaultyFailsCommits(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		moved int64 // by two commits that fail
	}{{FailBefore, 0}, {FailAfter, 2}} {
		f := newFaulty(t)
		from := f.actor.Seq
		f.FailNext(2, c.fault)
		for range 2 {
			if err := f.commit(t.Context()); !errors.Is(err, ErrInjected) {
				t.Errorf("fault %d: %v", c.fault, err)
			}
			f.claim()
		}
		if moved := f.actor.Seq - from; moved != c.moved {
			t.Errorf("fault %d: moved by %d", c.fault, moved)
		}
		if err := f.commit(t.Context()); err != nil {
			t.Errorf("fault %d has not ended: %v", c.fault, err)
		}
	}
}

func TestFaultyAsksAboutCommits(t *testing.T) {
	f := newFaulty(t)
	f.OnCommit(func(moves []persistence.Move) Fault {
		if moves[0].To.Seq == 1 {
			return FailBefore
		}
		return Pass
	})
	if err := f.commit(t.Context()); err != nil {
		t.Error(err)
	}
	f.claim()
	if err := f.commit(t.Context()); !errors.Is(err, ErrInjected) {
		t.Error(err)
	}
	f.OnCommit(nil)
	if err := f.commit(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFaultyIsDown(t *testing.T) {
	f := newFaulty(t)
	f.SetDown(true)
	_, takeOver := f.TakeOver(t.Context(), chain, node)
	_, claim := f.Claim(t.Context(), claimOf(seaport, "list", 1))
	_, query := count(t.Context(), f, persistence.Actors)
	for name, err := range map[string]error{
		"TakeOver": takeOver, "Claim": claim, "Query": query,
		"Commit": f.commit(t.Context()),
		"Report": f.Report(t.Context(), f.actor.Ref(), persistence.Report{}),
	} {
		if !errors.Is(err, ErrInjected) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.SetDown(false)
	if err := f.commit(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFaultyHoldsCommits(t *testing.T) {
	f := newFaulty(t)
	arrived, release := f.Hold()
	done := make(chan error, 1)
	go func() { done <- f.commit(t.Context()) }()
	<-arrived
	if n := len(done); n != 0 {
		t.Error("not held")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.commit(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
	if err := <-done; err != nil {
		t.Error(err)
	}
	f.claim()
	if err := f.commit(t.Context()); err != nil || f.actor.Seq != 0 {
		t.Errorf("seq %d, error %v", f.actor.Seq, err)
	}
}
