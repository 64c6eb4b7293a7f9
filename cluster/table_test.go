package cluster

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/persistence"
)

func (l *line) Watch(ctx context.Context, changed func()) error {
	lost := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.cut || l.deaf || l.dead
	}
	for first := true; ; first = false {
		l.t.mu.Lock()
		next := l.t.changes.wait()
		l.t.mu.Unlock()
		if lost() {
			return errAway
		}
		if first {
			changed()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		}
		if lost() {
			return errAway
		}
		changed()
	}
}

func (l *line) Ask(ctx context.Context, requests []persistence.Request, overdue time.Duration) error {
	_, err := call(ctx, l, func(t *table) (bool, error) {
		for _, r := range requests {
			r.State, r.AskedAt, r.OverdueAt = persistence.RequestPending, time.Now(), time.Now().Add(overdue)
			t.requests[r.ID] = r
		}
		t.changes.tell()
		return true, nil
	})
	return err
}

func (t *table) find(match func(persistence.Request) bool) []persistence.Request {
	all := slices.SortedFunc(maps.Values(t.requests), func(a, b persistence.Request) int { return cmp.Compare(a.ID, b.ID) })
	return slices.DeleteFunc(all, func(r persistence.Request) bool { return !match(r) })
}

func (l *line) Requests(ctx context.Context, ids []string) ([]persistence.Request, error) {
	return call(ctx, l, func(t *table) ([]persistence.Request, error) {
		return t.find(func(r persistence.Request) bool { return slices.Contains(ids, r.ID) }), nil
	})
}

func (l *line) Pending(ctx context.Context) ([]persistence.Request, error) {
	return call(ctx, l, func(t *table) ([]persistence.Request, error) {
		return t.find(func(r persistence.Request) bool { return !r.Ended() }), nil
	})
}

func (l *line) Answer(ctx context.Context, owned persistence.Lease, id string, answer persistence.Answer) (bool, error) {
	return call(ctx, l, func(t *table) (bool, error) {
		if now := t.leases[owned.Chain]; now.Node != owned.Node || now.Epoch != owned.Epoch {
			return false, persistence.ErrLeaseChanged
		}
		return t.end(id, func(r *persistence.Request) {
			r.State, r.Node, r.Epoch, r.Answer = persistence.RequestDone, owned.Node, owned.Epoch, &answer
		}), nil
	})
}

func (l *line) Fail(ctx context.Context, id, reason string) (bool, error) {
	return call(ctx, l, func(t *table) (bool, error) {
		if time.Now().Before(t.requests[id].OverdueAt) {
			return false, nil
		}
		return t.end(id, func(r *persistence.Request) { r.State, r.Reason = persistence.RequestFailed, reason }), nil
	})
}

func (t *table) end(id string, how func(*persistence.Request)) bool {
	r, found := t.requests[id]
	if !found || r.Ended() {
		return false
	}
	how(&r)
	t.requests[id] = r
	t.changes.tell()
	return true
}

// said is what was logged so far.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}
