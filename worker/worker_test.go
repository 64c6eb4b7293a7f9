package worker

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// folder is data in a folder.
type folder string

func (f folder) String() string { return "folder" }

func (f folder) Open(ctx context.Context) (persistence.Store, error) {
	return embedded.Open(ctx, string(f))
}

// watching is a Watcher that does something at every look.
type watching func(ctx context.Context) error

func (w watching) Look(ctx context.Context) error     { return w(ctx) }
func (w watching) CaughtUp(ctx context.Context) error { return nil }

func options(t *testing.T, node string) Options {
	return Options{
		Config: config.Config{Node: node}, Data: folder(t.TempDir()), Log: slog.New(slog.DiscardHandler),
		Chains: []actors.Chain{{Name: "a", Chain: probed{head: 9}, Poll: time.Millisecond}},
	}
}

func TestStopIsTheReverseOfStart(t *testing.T) {
	w := &Worker{}
	var stopped []int
	first := errors.New("the first")
	for i := range 3 {
		w.onStop(func(context.Context) error {
			stopped = append(stopped, i)
			if i == 0 {
				return first
			}
			return nil
		})
	}
	if err := w.Stop(t.Context()); !errors.Is(err, first) || !slices.Equal(stopped, []int{2, 1, 0}) {
		t.Errorf("stopped %v: %v", stopped, err)
	}
	if err := w.Stop(t.Context()); err != nil || len(stopped) != 3 {
		t.Errorf("stopped again: %v", err)
	}
}

// A worker that is not opened leaves nothing open.
func TestOpenInVain(t *testing.T) {
	o := options(t, "one")
	w, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Store().TakeOver(t.Context(), "a", "one"); err != nil {
		t.Fatal(err)
	}
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		demo := o
		demo.Config.Node = config.DemoNode
		if _, err := Open(t.Context(), demo); err == nil || !strings.Contains(err.Error(), "not the demo's") {
			t.Errorf("on another's data: %v", err)
		}
	}
	store, err := o.Data.Open(t.Context())
	if err != nil {
		t.Fatalf("the store is still open: %v", err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

// disputed is data of which another process takes over each chain right after the worker has.
type disputed struct{ Data }

func (d disputed) Open(ctx context.Context) (persistence.Store, error) {
	store, err := d.Data.Open(ctx)
	if err != nil {
		return nil, err
	}
	return disputedStore{store.(*embedded.Store)}, nil
}

type disputedStore struct{ *embedded.Store }

func (s disputedStore) TakeOver(ctx context.Context, chain, node string) (int64, error) {
	epoch, err := s.Store.TakeOver(ctx, chain, node)
	if err == nil {
		_, err = s.Store.TakeOver(ctx, chain, "another")
	}
	return epoch, err
}

// Follow goes on until the context ends, which only someone who wants to catch up takes
// for an error; and it ends with the error of the watcher, or that another process has
// taken a chain over.
func TestFollow(t *testing.T) {
	failed := errors.New("failed")
	stop := func(cancel context.CancelFunc) error { cancel(); return nil }
	for name, test := range map[string]struct {
		once      bool
		takenOver bool
		look      func(cancel context.CancelFunc) error
		want      error
	}{
		"stopped":     {false, false, stop, nil},
		"interrupted": {true, false, stop, ErrInterrupted},
		"watcher":     {false, false, func(context.CancelFunc) error { return failed }, failed},
		"taken over":  {false, true, func(context.CancelFunc) error { return nil }, actors.ErrTakenOver},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, "one")
			o.Once = test.once
			if test.takenOver {
				o.Data = disputed{o.Data}
			}
			w, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err = w.Follow(ctx, time.Millisecond, watching(func(context.Context) error { return test.look(cancel) }))
			if !errors.Is(err, test.want) || test.want == nil && err != nil {
				t.Errorf("%v, want %v", err, test.want)
			}
			if _, err := w.Store().TakeOver(t.Context(), "a", "one"); err == nil {
				t.Error("its store is still open")
			}
		})
	}
}
