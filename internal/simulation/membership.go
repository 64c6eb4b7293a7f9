package simulation

import (
	"context"
	"strings"
	"time"

	"github.com/imart/event-worker/persistence"
)

// Join implements persistence.Registry.
func (l *line) Join(ctx context.Context, n persistence.Node) error {
	return done(ctx, l, "join", func(s *server) error { return s.join(n, s.now()) })
}

// Heartbeat implements persistence.Registry.
func (l *line) Heartbeat(ctx context.Context, id string, h persistence.Heartbeat) (persistence.Node, error) {
	return call(ctx, l, "heartbeat", func(s *server) (persistence.Node, error) { return s.heartbeat(id, h, s.now()) })
}

// DeclareDead implements persistence.Registry.
func (l *line) DeclareDead(ctx context.Context, id string, heartbeats int64) (bool, error) {
	return call(ctx, l, "declare dead "+id, func(s *server) (bool, error) { return s.end(id, persistence.Dead, heartbeats, s.now()), nil })
}

// Leave implements persistence.Registry.
func (l *line) Leave(ctx context.Context, id string) error {
	return done(ctx, l, "leave", func(s *server) error {
		s.end(id, persistence.Left, -1, s.now())
		return nil
	})
}

// Members implements persistence.Registry.
func (l *line) Members(ctx context.Context) ([]persistence.Node, []persistence.Lease, error) {
	type members struct {
		nodes  []persistence.Node
		leases []persistence.Lease
	}
	m, err := call(ctx, l, "members", func(s *server) (members, error) {
		nodes, leases := s.members()
		return members{nodes, leases}, nil
	})
	return m.nodes, m.leases, err
}

// Acquire implements persistence.Registry.
func (l *line) Acquire(ctx context.Context, seen persistence.Lease, node string) (persistence.Lease, error) {
	return call(ctx, l, "acquire "+seen.Chain, func(s *server) (persistence.Lease, error) {
		return s.acquire(context.WithoutCancel(ctx), seen, node)
	})
}

// Release implements persistence.Registry.
func (l *line) Release(ctx context.Context, owned persistence.Lease) error {
	return done(ctx, l, "release "+owned.Chain, func(s *server) error {
		s.release(owned)
		return nil
	})
}

// Watch implements persistence.Registry.
func (l *line) Watch(ctx context.Context, changed func()) error {
	for {
		next, err := call(ctx, l, "watch", func(s *server) (<-chan struct{}, error) { return s.next, nil })
		if err != nil {
			return err
		}
		changed()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		}
	}
}

// StartDrain implements persistence.Registry.
func (l *line) StartDrain(ctx context.Context, node, id string) (bool, error) {
	return call(ctx, l, "start drain "+id, func(s *server) (bool, error) {
		return s.startDrain(context.WithoutCancel(ctx), node, id)
	})
}

// ReportDrain implements persistence.Registry.
func (l *line) ReportDrain(ctx context.Context, drain persistence.Request) error {
	return done(ctx, l, "report "+drain.ID, func(s *server) error {
		return s.reportDrain(context.WithoutCancel(ctx), drain)
	})
}

// Answer implements persistence.Registry. Nobody asks for the status of a chain.
func (l *line) Answer(context.Context, persistence.Lease, string, persistence.Answer) (bool, error) {
	return false, nil
}

// Ask implements persistence.RequestQueue.
func (l *line) Ask(ctx context.Context, requests []persistence.Request, overdue time.Duration) error {
	return done(ctx, l, "ask", func(s *server) error { return s.store.Ask(ctx, requests, overdue) })
}

// Requests implements persistence.RequestQueue.
func (l *line) Requests(ctx context.Context, ids []string) ([]persistence.Request, error) {
	return call(ctx, l, "requests "+strings.Join(ids, " "), func(s *server) ([]persistence.Request, error) { return s.store.Requests(ctx, ids) })
}

// Pending implements persistence.RequestQueue.
func (l *line) Pending(ctx context.Context) ([]persistence.Request, error) {
	return call(ctx, l, "pending", func(s *server) ([]persistence.Request, error) { return s.store.Pending(ctx) })
}

// StartRequest implements persistence.RequestQueue.
func (l *line) StartRequest(ctx context.Context, owned persistence.Lease, id string) (persistence.Request, bool, error) {
	type started struct {
		persistence.Request
		ok bool
	}
	st, err := call(ctx, l, "start "+id, func(s *server) (st started, err error) {
		if !s.leased(owned) {
			return st, persistence.ErrLeaseChanged
		}
		st.Request, st.ok, err = s.store.StartRequest(ctx, owned, id)
		return st, err
	})
	return st.Request, st.ok, err
}

// ReportRequest implements persistence.RequestQueue.
func (l *line) ReportRequest(ctx context.Context, started persistence.Request) error {
	return done(ctx, l, "report "+started.ID, func(s *server) error { return s.store.ReportRequest(ctx, started) })
}

// FinishRequest implements persistence.RequestQueue.
func (l *line) FinishRequest(ctx context.Context, owned persistence.Lease, started persistence.Request) (bool, error) {
	return call(ctx, l, "finish "+started.ID, func(s *server) (bool, error) {
		if !s.leased(owned) {
			return false, persistence.ErrLeaseChanged
		}
		return s.store.FinishRequest(ctx, owned, started)
	})
}

// Fail implements persistence.RequestQueue.
func (l *line) Fail(ctx context.Context, id, reason string) (bool, error) {
	return call(ctx, l, "fail "+id, func(s *server) (bool, error) { return s.store.Fail(ctx, id, reason) })
}

// Withdraw implements persistence.RequestQueue.
func (l *line) Withdraw(ctx context.Context, id, reason string) (bool, error) {
	return call(ctx, l, "withdraw "+id, func(s *server) (bool, error) { return s.store.Withdraw(ctx, id, reason) })
}
