package cluster

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/persistence"
)

// table is a registry in memory, as a server would be that never loses anything.
type table struct {
	mu     sync.Mutex
	nodes  map[string]*persistence.Node
	leases map[string]persistence.Lease
	taken  int

	requests map[string]persistence.Request
	changes  changes
}

func newTable() *table {
	return &table{nodes: map[string]*persistence.Node{}, leases: map[string]persistence.Lease{}, requests: map[string]persistence.Request{}}
}

func (t *table) join(n persistence.Node) error {
	if t.nodes[n.ID] != nil {
		return errors.New("joined twice")
	}
	n.JoinedAt = time.Now()
	t.nodes[n.ID] = &n
	return nil
}

func (t *table) heartbeat(id string, h persistence.Heartbeat) (persistence.Node, error) {
	n := t.nodes[id]
	if n == nil || !n.Living() {
		return persistence.Node{}, persistence.ErrDeclaredDead
	}
	n.Heartbeats++
	n.Heartbeat, n.SeenAt = h, time.Now()
	if h.Leaving {
		n.State = persistence.Leaving
		t.changes.tell()
	}
	return *n, nil
}

func (t *table) declareDead(id string, heartbeats int64) bool {
	n := t.nodes[id]
	if n == nil || !n.Living() || n.Heartbeats != heartbeats {
		return false
	}
	n.State = persistence.Dead
	t.changes.tell()
	return true
}

func (t *table) members() (nodes []persistence.Node, leases []persistence.Lease) {
	for _, id := range slices.Sorted(maps.Keys(t.nodes)) {
		nodes = append(nodes, *t.nodes[id])
	}
	return nodes, slices.SortedFunc(maps.Values(t.leases), func(a, b persistence.Lease) int { return cmp.Compare(a.Chain, b.Chain) })
}

func (t *table) acquire(seen persistence.Lease, node string) (persistence.Lease, error) {
	now := t.leases[seen.Chain]
	if now.Node != seen.Node || now.Epoch != seen.Epoch {
		return persistence.Lease{}, persistence.ErrLeaseChanged
	}
	t.taken++
	l := persistence.Lease{Chain: seen.Chain, Node: node, Epoch: seen.Epoch + 1}
	t.leases[seen.Chain] = l
	return l, nil
}

func (t *table) acquisitions() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.taken
}

// seize acquires a chain regardless of its owner, as a process outside the cluster would.
func (t *table) seize(chain string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leases[chain] = persistence.Lease{Chain: chain, Node: "stranger", Epoch: t.leases[chain].Epoch + 1}
}

// line is one process's way to the table.
type line struct {
	persistence.RequestQueue // of which the coordinator does not use the rest
	t                        *table
	mu                       sync.Mutex
	cut                      bool
	mute                     bool // members are not told
	deaf                     bool // changes are not
	sure                     bool // no answer is lost
	dead                     bool
	gone                     chan struct{} // closed when the process is killed
}

var errAway = errors.New("away")

// call does something at the table, unless the line is cut, or the process dead.
func call[T any](ctx context.Context, l *line, do func(*table) (T, error)) (T, error) {
	var none T
	time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
	l.mu.Lock()
	cut, dead, sure := l.cut, l.dead, l.sure
	l.mu.Unlock()
	if dead {
		<-l.gone
		return none, errAway
	}
	if cut {
		<-ctx.Done()
		return none, errAway
	}
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	v, err := do(l.t)
	if !sure && rand.IntN(200) == 0 {
		return none, errAway // the answer is lost
	}
	return v, err
}

func (l *line) Join(ctx context.Context, n persistence.Node) error {
	_, err := call(ctx, l, func(t *table) (bool, error) { return true, t.join(n) })
	return err
}

func (l *line) Heartbeat(ctx context.Context, id string, h persistence.Heartbeat) (persistence.Node, error) {
	return call(ctx, l, func(t *table) (persistence.Node, error) { return t.heartbeat(id, h) })
}

func (l *line) DeclareDead(ctx context.Context, id string, heartbeats int64) (bool, error) {
	return call(ctx, l, func(t *table) (bool, error) { return t.declareDead(id, heartbeats), nil })
}

func (l *line) Leave(ctx context.Context, id string) error {
	_, err := call(ctx, l, func(t *table) (bool, error) {
		if n := t.nodes[id]; n != nil && n.Living() {
			n.State = persistence.Left
		}
		return true, nil
	})
	return err
}

func (l *line) StartDrain(ctx context.Context, node, id string) (bool, error) {
	return call(ctx, l, func(t *table) (bool, error) { return t.startDrain(node, id), nil })
}

func (t *table) startDrain(node, id string) bool {
	n, r := t.nodes[node], t.requests[id]
	if n == nil || n.State != persistence.Up && n.State != persistence.Draining || r.State != persistence.RequestPending || r.Node != node || !r.ToNode() {
		return false
	}
	if r.Kind == persistence.DrainRequest {
		n.State, r.State, r.Answer = persistence.Draining, persistence.RequestRunning, &persistence.Answer{}
		for _, l := range t.leases {
			if l.Node == node {
				r.Answer.Chains = append(r.Answer.Chains, l.Chain)
			}
		}
		t.requests[id] = r
		t.changes.tell()
		return true
	}
	n.State = persistence.Up
	for _, other := range t.requests {
		if other.Kind == persistence.DrainRequest && other.Node == node && other.State == persistence.RequestRunning {
			t.end(other.ID, func(r *persistence.Request) {
				r.State, r.Reason = persistence.RequestFailed, "cancelled by request "+id
			})
		}
	}
	return t.end(id, func(r *persistence.Request) { r.State = persistence.RequestDone })
}

func (l *line) ReportDrain(ctx context.Context, drain persistence.Request) error {
	_, err := call(ctx, l, func(t *table) (bool, error) {
		r := t.requests[drain.ID]
		if r.Kind != persistence.DrainRequest || r.State != persistence.RequestRunning {
			return false, nil
		}
		r.Progress = drain.Progress
		t.requests[drain.ID] = r
		if drain.Ended() {
			t.end(drain.ID, func(r *persistence.Request) { r.State, r.Reason = drain.State, drain.Reason })
		}
		return true, nil
	})
	return err
}

func (l *line) Members(ctx context.Context) ([]persistence.Node, []persistence.Lease, error) {
	l.mu.Lock()
	mute := l.mute
	l.mu.Unlock()
	if mute {
		return nil, nil, errAway
	}
	type both struct {
		nodes  []persistence.Node
		leases []persistence.Lease
	}
	b, err := call(ctx, l, func(t *table) (both, error) {
		nodes, leases := t.members()
		return both{nodes, leases}, nil
	})
	return b.nodes, b.leases, err
}

func (l *line) Acquire(ctx context.Context, seen persistence.Lease, node string) (persistence.Lease, error) {
	return call(ctx, l, func(t *table) (persistence.Lease, error) { return t.acquire(seen, node) })
}

func (l *line) Release(ctx context.Context, held persistence.Lease) error {
	_, err := call(ctx, l, func(t *table) (bool, error) {
		if now := t.leases[held.Chain]; now.Node == held.Node && now.Epoch == held.Epoch {
			now.Node = ""
			t.leases[held.Chain] = now
			t.changes.tell()
		}
		return true, nil
	})
	return err
}

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

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
